"""What a page is told when something it asked for could not be done."""

import logging
import math

from accounts import AccountsUnavailable
from login.codes import TooManyCodes
from login.errors import ServiceUnavailable
from login.messages import BadMessage, Error, ErrorCode, Problem
from scene_pool import LeaseLost, PoolExhausted, TicketTaken
from store import StoreUnavailable
from wechat import BudgetLow, BudgetUsedUp, QuotaExhausted, WeChatError

log = logging.getLogger(__name__)

WECHAT_AGAIN = 5
STORE_AGAIN = 3

TROUBLES = (
    AccountsUnavailable,
    BadMessage,
    BudgetLow,
    BudgetUsedUp,
    LeaseLost,
    PoolExhausted,
    ServiceUnavailable,
    StoreUnavailable,
    TicketTaken,
    TooManyCodes,
    WeChatError,
)


def error_of(trouble: Exception) -> Error:
    """Return the message for *trouble*, and leave a line for the operator."""
    told: tuple[ErrorCode, str, float | None]
    match trouble:
        case BadMessage():
            told = ErrorCode.BAD_MESSAGE, str(trouble), None
        case TooManyCodes():
            told = ErrorCode.RATE_LIMITED, "Too many codes.", trouble.retry_after
        case PoolExhausted():
            told = ErrorCode.POOL_EXHAUSTED, "No code is free.", trouble.retry_after
        case BudgetLow():
            told = ErrorCode.QUOTA_LOW, "Few codes left.", trouble.retry_after
        case BudgetUsedUp() | QuotaExhausted():  # the operator was told of these by `wechat`, once
            told = ErrorCode.QUOTA_EXHAUSTED, "No codes left.", trouble.retry_after
        case WeChatError():
            told = ErrorCode.WECHAT_UNAVAILABLE, "WeChat does not answer.", trouble.retry_after
        case TicketTaken():
            log.warning("ticket failed error=%s %s", type(trouble).__name__, trouble)
            told = ErrorCode.WECHAT_UNAVAILABLE, "WeChat does not answer.", WECHAT_AGAIN
        case _:
            log.warning("page failed error=%s %s", type(trouble).__name__, trouble)
            told = ErrorCode.STORE_UNAVAILABLE, "A part of us does not answer.", STORE_AGAIN
    return problem(*told)


def problem(code: ErrorCode, message: str, retry_after: float | None = None) -> Error:
    """Return an error message; whole seconds, at least one."""
    seconds = None if retry_after is None else max(1, math.ceil(retry_after))
    return Error(Problem(code, message, seconds))
