"""What the stand-in refuses, and how WeChat says so.

    ApiError            a `/cgi-bin` call answered with an errcode (HTTP stays 200)
    PhoneError          a request to the virtual phone that cannot be done
      UnknownCode       no such ticket or address
      UnknownUser       no such openid

Source: WeChat, "Global return codes", /doc/service/guide/dev/api/errorcode.
"""

import secrets

ERRMSG = {
    -1: "system error",
    40001: "invalid credential, access_token is invalid or not latest",
    40002: "invalid grant_type",
    40003: "invalid openid",
    40008: "invalid message type",
    40013: "invalid appid",
    40014: "invalid access_token",
    40029: "invalid code",
    40030: "invalid refresh_token",
    40032: "invalid openid list size",
    40033: "invalid charset. please check your request, if include \\uxxxx will create fail!",
    40052: "invalid action name",
    40053: "invalid action info",
    40125: "invalid appsecret",
    40164: "invalid ip {caller} ipv6 {mapped}, not in whitelist",
    40243: "appsecret has been frozen, unfreeze it at mp.weixin.qq.com",
    40163: "code been used",
    41001: "access_token missing",
    41002: "appid missing",
    41004: "appsecret missing",
    41008: "missing code",
    42001: "access_token expired",
    43001: "require GET method",
    43002: "require POST method",
    43004: "require subscribe",
    44002: "empty post data",
    44004: "empty content",
    45002: "content size out of limit",
    45009: "reach max api daily quota limit",
    45011: "api minute-quota reach limit, must slower, retry next minute",
    45015: "response out of time limit or subscription is canceled",
    45029: "qrcode count out of limit",
    45047: "out of response count limit",
    47001: "data format error",
    48001: "api unauthorized",
    48004: "api forbidden for irregularities, view detail on mp.weixin.qq.com",
    48006: "forbid to clear quota because of reaching the limit",
    50001: "user unauthorized",
    50002: "user limited",
    76021: "cgi_path not found, please check",
}


class ApiError(Exception):
    """A `/cgi-bin` call that WeChat answers with an error code.

    Args:
        errcode: The number a client branches on; texts vary and are for people.
    """

    def __init__(self, errcode: int) -> None:
        super().__init__(errcode)
        self.errcode = errcode

    def answer(self, now: float, *, caller: str = "127.0.0.1") -> dict[str, object]:
        """Return the JSON body, with a fresh request id that starts with the time, as WeChat's.

        Args:
            now: Unix seconds.
            caller: Address of whoever called; the text of 40164 names it.
        """
        rid = f"{int(now):08x}-{secrets.token_hex(4)}-{secrets.token_hex(4)}"
        mapped = caller if ":" in caller else f"::ffff:{caller}"
        text = ERRMSG.get(self.errcode, "error").format(caller=caller, mapped=mapped)
        return {"errcode": self.errcode, "errmsg": f"{text} rid: {rid}"}


class PhoneError(Exception):
    """A request to the phone that cannot be done; `word` is stable, `message` is for people."""

    word = "bad_request"
    status = 400

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class UnknownCode(PhoneError):
    """No code with that ticket or address is known, or it was forgotten."""

    word = "unknown_code"
    status = 404


class UnknownUser(PhoneError):
    """No user with that openid is known, or they were forgotten."""

    word = "unknown_user"
    status = 404
