"""What can go wrong when WeChat is asked for something.

    WeChatError
    ├── WeChatUnavailable   no answer, or "busy": asking again later may help
    ├── QuotaExhausted      asked too often: nothing helps before the quota returns
    └── WeChatRefused       answered no, and will again until somebody mends it

Source of the codes: WeChat, "Global return codes".
"""

NO_ANSWER = "none"
BUSY = -1
TOKEN_CODES = frozenset({40001, 40014, 42001})
"""The access token is not the latest, invalid or out of date; used without consistency."""
QUOTA_CODES = frozenset({45009, 45011})

MENDS = {
    40001: "check wechat.secret, and that nothing else fetches this account's access token",
    40013: "check wechat.appid",
    40125: "check wechat.secret",
    40164: "add this server's address to the IP allow-list in the account's console",
    40243: "the secret is frozen: thaw it in the account's console",
    45009: "the day's quota is used up; it returns at midnight, Beijing time",
    45011: "too many calls within a minute",
    48001: "codes need a verified service account (or the sandbox account)",
    50002: "the account is restricted: see its console",
}
"""What the operator can do, by error code."""


class WeChatError(Exception):
    """A call failed; *errcode* is WeChat's, or "none" when there was no answer.

    The text never holds the request's address, which has tokens in it.
    """

    def __init__(self, endpoint: str, errcode: int | str, detail: str) -> None:
        self.endpoint, self.errcode = endpoint, errcode
        super().__init__(f"{endpoint} errcode={errcode} {detail}".rstrip())


class WeChatUnavailable(WeChatError):
    """No answer in time, or "busy"."""


class QuotaExhausted(WeChatError):
    """The day's or the minute's quota is used up."""

    @property
    def retry_after(self) -> int:
        """Seconds until asking again can make sense."""
        return 60 if self.errcode == 45011 else 600


class WeChatRefused(WeChatError):
    """WeChat said no, and why is for the operator to mend."""


def error_for(endpoint: str, errcode: int, errmsg: str) -> WeChatError:
    """Return the exception for an error that WeChat answered with."""
    detail = MENDS.get(errcode, errmsg[:120])
    if errcode == BUSY:
        return WeChatUnavailable(endpoint, errcode, detail)
    if errcode in QUOTA_CODES:
        return QuotaExhausted(endpoint, errcode, detail)
    return WeChatRefused(endpoint, errcode, detail)
