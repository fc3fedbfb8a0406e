"""What leaf packages raise, turned into what a caller of ours may know."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from accounts import (
    AccountsUnavailable,
    AccountTaken,
    LastWayIn,
    NameFixed,
    OpenidTaken,
    UsernameTaken,
)
from login.errors import (
    AccountTakenError,
    LastWayInError,
    NameFixedError,
    NameTakenError,
    OpenidTakenError,
    ServiceUnavailable,
    WeChatLimitError,
)
from store import StoreUnavailable

log = logging.getLogger(__name__)


@contextmanager
def outages() -> Iterator[None]:
    """Raise `LoginError`s only."""
    try:
        yield
    except (StoreUnavailable, AccountsUnavailable) as error:
        log.warning("unavailable error=%s %s", type(error).__name__, error)
        raise ServiceUnavailable from None
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
