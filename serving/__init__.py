"""One server process: what it opens, may change while it runs, how it ends, what it carries."""

from serving.demo import demonstrate
from serving.ending import drain
from serving.live import Reloader, log_request, note_request, set_up_logging
from serving.people import open_residents, site_keeps_accounts
from serving.resources import AuditUnavailable, Resources, open_resources

__all__ = [
    "AuditUnavailable",
    "Reloader",
    "Resources",
    "demonstrate",
    "drain",
    "log_request",
    "note_request",
    "open_residents",
    "open_resources",
    "set_up_logging",
    "site_keeps_accounts",
]
