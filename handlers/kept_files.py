"""The files that every page loads, ready to be sent: scripts and styles under their version.

To read, compress and frame each anew took the server several times what it costs to send it.
The script of a page is sent with all that it imports (`joined.py`).
"""

import gzip
import hashlib
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from msgspec import Struct

from handlers.context import Site
from handlers.headers import FOR_EVER, file_headers
from handlers.joined import join
from handlers.plain_request import PlainRequest

KINDS = {".css": "text/css", ".js": "text/javascript", ".mjs": "text/javascript"}
"""Content types of what is kept."""
PAGES = ("login.js", "user.js")
"""The scripts of pages, one for each."""
FOLDER = "/static/"
LEVEL = 9


class KeptFile(Struct, frozen=True):
    """One file: its content type, and its bytes both ways."""

    kind: str
    plain: bytes
    packed: bytes

    def sent_to(self, accepted: str) -> tuple[dict[str, str], bytes]:
        """Return its own headers and the body for an `Accept-Encoding`."""
        headers = {"Content-Type": self.kind}
        if "gzip" in accepted:
            return headers | {"Content-Encoding": "gzip"}, self.packed
        return headers, self.plain


class StaticFiles(Struct, frozen=True):
    """What a folder has to send."""

    version: str
    """A short digest of every file, as it is sent."""
    kept: Mapping[str, KeptFile]
    """Scripts and styles by their paths."""


@cache
def read_static(folder: Path) -> StaticFiles:
    """Return the files below *folder* as they are at the first call: a process sends one version.

    Raises:
        JoinError: for a module that cannot be sent with what it imports.
    """
    total, kept = hashlib.sha256(), {}
    for file in sorted(each for each in folder.rglob("*") if each.is_file()):
        path, content = str(file.relative_to(folder)), _content_of(file)
        total.update(path.encode() + b"\0" + content)
        if kind := KINDS.get(file.suffix):
            kept[path] = KeptFile(kind, content, gzip.compress(content, LEVEL))
    return StaticFiles(total.hexdigest()[:12], kept)


class KeptFiles:
    """The scripts and styles of *static*, under /static/<version>/."""

    def __init__(self, static: StaticFiles, site: Site) -> None:
        standing = file_headers(site, secure=site.secure, document=False)
        headers = [*standing, ("Cache-Control", FOR_EVER), ("Vary", "Accept-Encoding")]
        self._head = "".join(f"{name}: {value}\r\n" for name, value in headers)
        self._files = {f"{static.version}/{path}": file for path, file in static.kept.items()}

    def find(self, path: str) -> KeptFile | None:
        """Return the file at *path*, which begins with its version."""
        return self._files.get(path)

    def answer(self, request: PlainRequest) -> tuple[str, bytes] | None:
        """Return headers and body of the file that is asked for, unless it is none of these."""
        path, query = request.target
        if request.method != "GET" or query or not path.startswith(FOLDER):
            return None
        file = self.find(path.removeprefix(FOLDER))
        if file is None:
            return None
        headers, body = file.sent_to(request.headers.get("accept-encoding", ""))
        own = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        return self._head + own, body


def _content_of(file: Path) -> bytes:
    """Return what is sent for *file* under its version."""
    return join(file).encode() if file.name in PAGES else file.read_bytes()
