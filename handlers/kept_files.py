"""The files that every page loads, ready to be sent: scripts and styles under their version.

A page that is opened for the first time asks for two dozen of them, and to read, compress and
frame each anew took the server ten times what the page's socket costs.
"""

import gzip
from pathlib import Path

from msgspec import Struct

from handlers.context import Site
from handlers.headers import FOR_EVER, file_headers
from handlers.plain_request import PlainRequest

KINDS = {".css": "text/css", ".js": "text/javascript", ".mjs": "text/javascript"}
"""Content types of what is kept."""
LEVEL = 9


class KeptFile(Struct, frozen=True):
    """One file: its content type, and its bytes both ways."""

    kind: str
    plain: bytes
    packed: bytes


class KeptFiles:
    """The scripts and styles below *folder*, under /static/<*version*>/."""

    def __init__(self, folder: Path, version: str, site: Site) -> None:
        self._root = f"/static/{version}/"
        standing = file_headers(site, secure=site.secure, document=False)
        headers = [*standing, ("Cache-Control", FOR_EVER), ("Vary", "Accept-Encoding")]
        self._head = "".join(f"{name}: {value}\r\n" for name, value in headers)
        self._files = {
            str(file.relative_to(folder)): KeptFile(
                KINDS[file.suffix], file.read_bytes(), gzip.compress(file.read_bytes(), LEVEL)
            )
            for file in folder.rglob("*")
            if file.suffix in KINDS
        }

    def answer(self, request: PlainRequest) -> tuple[str, bytes] | None:
        """Return headers and body of the file that is asked for, unless it is none of these."""
        path, query = request.target
        if request.method != "GET" or query or not path.startswith(self._root):
            return None
        file = self._files.get(path.removeprefix(self._root))
        if file is None:
            return None
        head = f"{self._head}Content-Type: {file.kind}\r\n"
        if "gzip" in request.headers.get("accept-encoding", ""):
            return f"{head}Content-Encoding: gzip\r\n", file.packed
        return head, file.plain
