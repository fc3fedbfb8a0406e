"""Static files under an address that changes with their content.

All files share one version, so a module's relative imports stay within it: a
browser can never mix the files of two releases. What other sites name in their
pages leads to the version of the day.
"""

from pathlib import Path
from typing import Any

from tornado.web import StaticFileHandler

from handlers.errors import error_of, log_error, tell_error
from handlers.headers import FOR_DOCUMENTS, FOR_EVER, YEAR, file_headers
from handlers.kept_files import KINDS, KeptFile, KeptFiles

FOR_QUESTIONS = ("Accept-Ranges", "Etag", "Last-Modified")
"""By what browsers ask whether a file has changed, or for a part of it."""
NO_DOCUMENTS = tuple(KINDS)
EMBEDDED = "saoma.js"
"""The module that other sites load, by an address that never changes."""


class StaticHandler(StaticFileHandler):
    """Serves `/static/<version>/…` for ever, `/static/…` as it is now."""

    def initialize(  # type: ignore[override]  # two arguments are ours
        self, path: str, version: str, kept: KeptFiles
    ) -> None:
        super().initialize(path)
        self._version = version
        self._kept = kept

    def set_default_headers(self) -> None:
        site = self.settings["context"].site
        for name, value in file_headers(site, secure=site.is_secure(self.request)):
            self.set_header(name, value)
        self.set_header("Cache-Control", "no-store")

    async def get(self, path: str, include_body: bool = True) -> None:
        """Serve the file; relative imports are relative to where a redirect leads."""
        if path == EMBEDDED:
            self.set_header("Cache-Control", "no-cache")
            self.redirect(f"/static/{self._version}/{EMBEDDED}")
        elif kept := self._kept.find(path):
            await self._send(kept)
        else:
            await super().get(path, include_body)

    async def _send(self, kept: KeptFile) -> None:
        """Answer as the front door does."""
        for name in FOR_DOCUMENTS:
            self.clear_header(name)
        headers, body = kept.sent_to(self.request.headers.get("Accept-Encoding", ""))
        self.set_header("Cache-Control", FOR_EVER)
        self.set_header("Content-Length", len(body))
        for name, value in headers.items():
            self.set_header(name, value)
        self.write(body)
        await self.flush()

    def parse_url_path(self, url_path: str) -> str:
        """Leave the version out of the file's path."""
        version, _, rest = url_path.partition("/")
        self._current = version == self._version
        return super().parse_url_path(rest if self._current else url_path)

    def get_cache_time(self, path: str, modified: Any, mime_type: str) -> int:
        """Return how long browsers may keep the file, in seconds."""
        return YEAR if self._current else 0

    def set_extra_headers(self, path: str) -> None:
        """Say that a versioned file never changes, and no more than concerns its kind."""
        if path.endswith(NO_DOCUMENTS):
            for name in FOR_DOCUMENTS:
                self.clear_header(name)
        if self._current:
            for name in FOR_QUESTIONS:
                self.clear_header(name)
            self.set_header("Cache-Control", FOR_EVER)
        else:
            self.set_header("Cache-Control", "no-cache")

    def get_content_type(self) -> str:
        """Return the type; browsers run modules as JavaScript only."""
        return KINDS.get(Path(self.absolute_path or "").suffix) or super().get_content_type()

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        """Write the error as JSON, like every other."""
        tell_error(self, status_code, error_of(status_code))

    def log_exception(self, kind: Any, value: Any, trace: Any) -> None:
        log_error(self, kind, value, trace)
