"""The log, and settings that change while the server runs (SIGHUP)."""

import logging
from collections.abc import Callable

from tornado.web import RequestHandler

from serving.resources import Resources
from serving.rules import code_limits, login_rules, pool_rules
from settings import Settings, SettingsError

log = logging.getLogger("saoma")

FORMAT = "%(asctime)s %(levelname)-7s %(name)s: %(message)s"
LIVE = {
    "pool",
    "login",
    "limits",
    "log",
    "wechat.daily_codes",
    "wechat.reserve_percent",
}
"""Sections and keys that take effect at once."""


def set_up_logging(level: str) -> None:
    """Write one readable line for each event to standard error."""
    logging.basicConfig(level=level.upper(), format=FORMAT, force=True)
    # What no line of ours says need not be found out for each. Source: Python's logging
    # HOWTO, "Optimization".
    logging._srcfile = None
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False
    # Libraries may put addresses, and so tokens, into their own chatter.
    for name in ("aiohttp", "aiosqlite", "asyncio", "sqlalchemy", "tornado.access"):
        logging.getLogger(name).setLevel(logging.WARNING)


def log_request(handler: RequestHandler) -> None:
    """Write a line about a request of a handler's."""
    request = handler.request
    note_request(request.method or "", request.path, handler.get_status(), request.request_time())


def note_request(method: str, path: str, status: int, seconds: float) -> None:
    """Write a line about a request: never its query, which may hold secrets."""
    level = logging.DEBUG if status < 400 else logging.INFO
    log.log(level, "%s %s status=%d ms=%.1f", method, path, status, 1000 * seconds)


class Reloader:
    """Takes over a changed file; a bad one changes nothing."""

    def __init__(
        self, load: Callable[[], Settings], settings: Settings, resources: Resources
    ) -> None:
        self._load = load
        self._settings = settings
        self._resources = resources

    def reload(self) -> None:
        """Read the file again and let everybody obey what it says now."""
        try:
            settings = self._load()
        except SettingsError as error:
            log.warning("settings unchanged: %s", error)
            return
        resources = self._resources
        resources.pool.rules = pool_rules(settings)
        resources.context.pages.client.budget.limits = code_limits(settings)
        resources.rules.replace(login_rules(settings))
        resources.context.site.sockets_per_address = settings.pool.sockets_per_address
        logging.getLogger().setLevel(settings.log.level.upper())
        for key in self._changed(settings, live=False):
            log.warning("settings: %s needs a restart", key)
        changed = self._changed(settings, live=True)
        log.info("settings read again changed=%s", ",".join(changed) or "none")
        self._settings = settings

    def _changed(self, settings: Settings, *, live: bool) -> list[str]:
        return [
            f"{section}.{key}"
            for section in settings.__struct_fields__
            for old, new in [(getattr(self._settings, section), getattr(settings, section))]
            for key in new.__struct_fields__
            if getattr(old, key) != getattr(new, key)
            and bool({section, f"{section}.{key}"} & LIVE) is live
        ]
