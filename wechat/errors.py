"""What can go wrong when WeChat is asked for something.

    WeChatError
    ├── WeChatUnavailable   no answer, or "busy": asking again later may help
    ├── QuotaExhausted      asked too often: nothing helps before the quota returns
    └── WeChatRefused       answered no, and will again until somebody mends it

Source of the codes: WeChat, "Global return codes".
"""

from wechat.mends import mend_of

NO_ANSWER = "none"
BUSY = -1
TOKEN_CODES = frozenset({40001, 40014, 42001})
"""The access token is not the latest, invalid or out of date; used without consistency."""
DAY_QUOTA, MINUTE_QUOTA = 45009, 45011
FATAL_CODES = frozenset({40013, 40125, 40164, 40243, 41002, 41004, 48001, 48004, 50002, 61004})
"""No call of the same kind succeeds before somebody has mended something."""


class WeChatError(Exception):
    """A call failed; *errcode* is WeChat's, or "none" when there was no answer.

    *detail* says why and what to do, *rid* is WeChat's own name of the call. The
    text never holds the request's address, which has tokens in it.
    """

    retry_after = 5.0
    """Seconds until asking again can make sense."""
    fatal = False
    """Whether every call of this kind fails until somebody mends something or a quota returns."""

    def __init__(self, endpoint: str, errcode: int | str, detail: str, rid: str = "") -> None:
        self.endpoint, self.errcode, self.detail, self.rid = endpoint, errcode, detail, rid
        super().__init__(f"{endpoint} errcode={errcode} {detail}".rstrip())


class WeChatUnavailable(WeChatError):
    """No answer in time, or "busy"."""


class QuotaExhausted(WeChatError):
    """The day's or the minute's quota is used up."""

    fatal = True

    def __init__(self, endpoint: str, errcode: int | str, detail: str, rid: str = "") -> None:
        super().__init__(endpoint, errcode, detail, rid)
        self.retry_after = 60.0 if errcode == MINUTE_QUOTA else 600.0


class WeChatRefused(WeChatError):
    """WeChat said no, and why is for the operator to mend."""

    # Asked at once again it says the same; one call in a minute finds out whether it still does.
    retry_after = 15.0


def error_for(endpoint: str, errcode: int, detail: str, rid: str = "") -> WeChatError:
    """Return the exception for an error code that WeChat answered with."""
    if errcode == BUSY:
        return WeChatUnavailable(endpoint, errcode, detail, rid)
    if errcode in {DAY_QUOTA, MINUTE_QUOTA}:
        return QuotaExhausted(endpoint, errcode, detail, rid)
    return WeChatRefused(endpoint, errcode, detail, rid)


def answered(endpoint: str, errcode: int, errmsg: str, *, with_token: bool) -> WeChatError:
    """Return the exception for an answer; *errmsg* is text from outside.

    *with_token* tells a call of the API from one for the access token itself.
    """
    mend, rid = mend_of(errcode, errmsg, with_token=with_token)
    error = error_for(endpoint, errcode, mend, rid)
    if isinstance(error, WeChatRefused):
        # A call for the token is the same each time, so each refusal of it stays.
        error.fatal = errcode in FATAL_CODES or not with_token
    return error
