"""The data folder: one server at a time."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from processes.child import StartError


@contextmanager
def claim(folder: Path) -> Iterator[Path]:
    """Make *folder* and hold it, so that no second embedded store opens the same files.

    Raises:
        StartError: when it cannot be written, or another server holds it.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = (folder / "lock").open("w")
    except OSError as error:
        raise StartError(f"{folder}/ cannot be written: {error.strerror}") from None
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise StartError(
                f"{folder}/ is in use by another Saoma; stop that one, "
                "or set redis.data_dir (or redis.url) for this one"
            ) from None
        yield folder
