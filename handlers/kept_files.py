"""The files that every page loads, ready to be sent: scripts and styles under their version.

To read, compress and frame each anew took the server several times what it costs to send it.
The script of a page is sent with all that it imports (`joined.py`).
"""

import gzip
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


def content_of(file: Path) -> bytes:
    """Return what is sent for *file* under its version."""
    return join(file).encode() if file.name in PAGES else file.read_bytes()


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


class KeptFiles:
    """The scripts and styles below *folder*, under /static/<*version*>/."""

    def __init__(self, folder: Path, version: str, site: Site) -> None:
        standing = file_headers(site, secure=site.secure, document=False)
        headers = [*standing, ("Cache-Control", FOR_EVER), ("Vary", "Accept-Encoding")]
        self._head = "".join(f"{name}: {value}\r\n" for name, value in headers)
        self._files = {
            f"{version}/{file.relative_to(folder)}": _keep(file)
            for file in folder.rglob("*")
            if file.suffix in KINDS
        }

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


def _keep(file: Path) -> KeptFile:
    content = content_of(file)
    return KeptFile(KINDS[file.suffix], content, gzip.compress(content, LEVEL))
