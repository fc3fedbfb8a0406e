"""Transactions that the database gives up so that another may go on: they are begun anew.

Nothing of such a transaction was done, and nobody has heard of it.
"""

from collections.abc import Callable, Coroutine, Iterator
from functools import wraps
from typing import Any, ParamSpec, TypeVar

from sqlalchemy.exc import DBAPIError

P = ParamSpec("P")
T = TypeVar("T")

TRIES = 8
# Sources: PostgreSQL, "Error Codes" (serialization failure, deadlock detected);
# MariaDB, "Error Codes" (record has changed, deadlock found).
SQLSTATES = {"40001", "40P01"}
NUMBERS = {1020, 1213}


class AccountsUnavailable(Exception):
    """The database did not answer; nothing was changed as far as is known."""


class Deadlock(AccountsUnavailable):
    """The database has given the transaction up; nothing was changed."""


def begun_anew(
    method: Callable[P, Coroutine[Any, Any, T]],
) -> Callable[P, Coroutine[Any, Any, T]]:
    """Make *method* begin anew after a `Deadlock`, a few times."""

    @wraps(method)
    async def wrapper(*args: P.args, **kwargs: P.kwargs) -> T:
        for _ in range(TRIES - 1):
            try:
                return await method(*args, **kwargs)
            except Deadlock:
                continue
        return await method(*args, **kwargs)

    return wrapper


def was_deadlock(error: BaseException) -> bool:
    """Tell whether *error* comes from a transaction that was given up for another's sake.

    MariaDB forgets the savepoints too, so going back to one fails next and hides that.
    """
    return any(_is_deadlock(each) for each in _chain(error))


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__context__


def _is_deadlock(error: BaseException) -> bool:
    if not isinstance(error, DBAPIError) or error.orig is None:
        return False
    number = error.orig.args[0] if error.orig.args else None
    return number in NUMBERS or getattr(error.orig, "sqlstate", None) in SQLSTATES
