"""The file of the audit log: whole lines at its end, from any number of processes."""

import os
from collections.abc import Iterable
from pathlib import Path


class AuditFile:
    """Appends lines. A file that was moved away, as logrotate does, is begun anew."""

    def __init__(self, path: str) -> None:
        self._path = Path(path)
        self._file = -1

    def append(self, lines: Iterable[str]) -> None:
        """Append *lines*, each in one write: those of other processes come before or after it.

        Raises:
            OSError: when a line was not written, or not all of it.
        """
        self._follow()
        for line in lines:
            data = f"{line}\n".encode()
            if os.write(self._file, data) != len(data):
                raise OSError("a line was cut off")

    def close(self) -> None:
        """Let the file go."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1

    def _follow(self) -> None:
        """Have the file open that has the name now."""
        try:
            if self._file >= 0 and os.path.samestat(os.fstat(self._file), self._path.stat()):
                return
        except FileNotFoundError:
            pass
        self.close()
        self._path.parent.mkdir(parents=True, exist_ok=True)
        # Who is signed in from where is for the server's own user only.
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC
        self._file = os.open(self._path, flags, 0o600)
