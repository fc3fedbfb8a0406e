"""Where a visitor may be sent after signing in: a path of this site, nothing else."""

import re
from urllib.parse import unquote, urlsplit

MAX_LENGTH = 2048
# One slash, then no second one and no backslash, which browsers read as one.
PATH = re.compile(r"/(?![/\\])[^\\\x00-\x1f\x7f]*")


def same_site(path: str) -> str:
    """Return *path* when it stays on this site, else "".

    What a browser would resolve counts, so the unquoted form must be fine too.
    """
    if len(path) > MAX_LENGTH or " " in path:
        return ""
    for form in (path, unquote(path)):
        if not PATH.fullmatch(form) or _climbs_out(form):
            return ""
    return path


def _climbs_out(path: str) -> bool:
    """Tell whether dots lead to a path that begins with two slashes, as `/..//host`."""
    parts = urlsplit(path)
    return bool(parts.scheme or parts.netloc) or "//" in parts.path
