"""What leaf packages raise, turned into what a caller of ours may know."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from accounts import (
    Account,
    AccountInactive,
    AccountsUnavailable,
    AccountTaken,
    LastWayIn,
    NameFixed,
    OpenidTaken,
    UsernameTaken,
)
from login.errors import (
    AccountInactiveError,
    AccountTakenError,
    LastWayInError,
    LoginError,
    NameFixedError,
    NameTakenError,
    OpenidTakenError,
    ServiceUnavailable,
    WeChatLimitError,
)
from store import StoreUnavailable

log = logging.getLogger(__name__)


@contextmanager
def outages(account: Account | None = None) -> Iterator[None]:
    """Raise `LoginError`s only, about *account* if that is known."""
    try:
        with _known():
            yield
    except LoginError as error:
        error.account = error.account or account
        raise


@contextmanager
def _known() -> Iterator[None]:
    try:
        yield
    except (StoreUnavailable, AccountsUnavailable) as error:
        log.warning("unavailable error=%s %s", type(error).__name__, error)
        raise ServiceUnavailable from None
    except AccountInactive:
        raise AccountInactiveError from None
    except OpenidTaken:
        raise OpenidTakenError from None
    except AccountTaken as error:
        raise (AccountTakenError if error.limit == 1 else WeChatLimitError) from None
    except LastWayIn:
        raise LastWayInError from None
    except UsernameTaken:
        raise NameTakenError from None
    except NameFixed:
        raise NameFixedError from None
