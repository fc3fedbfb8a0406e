"""What the operator reads of an error code: its cause, and how to mend it.

WeChat's own texts vary and come from outside, so they are used for three things
only, each checked for its form: the address that 40164 names, the rid, and the
words of a code that is not in the table.

Source: WeChat, "Global return codes" and the error codes of "Get access_token".
"""

import re
from ipaddress import IPv6Address, ip_address

MENDS = {
    -1: "WeChat is busy; nothing to do unless it lasts",
    40001: "the access token is refused even when it is new: let nothing else fetch this account's "
    "access token, and check that wechat.token_url, if set, serves wechat.appid",
    40002: "grant_type is wrong, a fault of ours: report it with the rid",
    40003: "the openid is of no user of this account: check that wechat.appid is the account "
    "that people scan",
    40013: "WeChat does not know this AppID: check wechat.appid",
    40014: "the access token is invalid: as 40001",
    40029: "the code of a web login is invalid or too old; the visitor starts again",
    40052: "action_name is wrong, a fault of ours: report it with the rid",
    40053: "action_info is wrong, a fault of ours: report it with the rid",
    40125: "the AppSecret is wrong: set wechat.secret to the one in the account's console",
    40163: "the code of a web login was used before; the visitor starts again",
    40164: "this server's address is not on the account's IP allow-list: add it in the console",
    40243: "the AppSecret is frozen: thaw it in the account's console",
    41001: "the access token is missing, a fault of ours: report it with the rid",
    41002: "the AppID is missing: set wechat.appid",
    41004: "the AppSecret is missing: set wechat.secret",
    42001: "the access token has run out: as 40001",
    43001: "WeChat wants GET here: check wechat.api_base_url and what stands in between",
    43002: "WeChat wants POST here: check wechat.api_base_url and what stands in between",
    43003: "WeChat wants https here: check wechat.api_base_url",
    43004: "this user does not follow the account; nothing to do",
    44002: "the body was empty on arrival: check wechat.proxy_url and what stands in between",
    45009: "the day's quota of this call is used up: it returns at midnight in Beijing, or clear "
    "it in the account's console (ten times a month)",
    45011: "too many calls within one minute: spread them, or ask WeChat for more",
    45015: "WeChat's time for a message to this user is over; nothing to do",
    45047: "this user has had as many messages as WeChat allows; nothing to do",
    47001: "WeChat could not read the body: check wechat.proxy_url and what stands in between",
    48001: "the account may not use this call: codes need a verified service account "
    "(or WeChat's test account)",
    48004: "WeChat has blocked this call for the account: see the messages in its console",
    48006: "the quota was cleared ten times this month: wait for the next",
    50001: "the account has not been granted this call: see its console",
    50002: "the account is restricted or frozen: see the messages in its console",
    61004: "this server's address is not on the account's IP allow-list: add it in the console",
    89501: "a call from this server's address waits for the account's administrator to confirm it",
    89503: "the account's administrator must confirm calls from this server's address",
    89506: "the account's administrator refused this server's address twice: wait 24 hours",
    89507: "the account's administrator refused this server's address: wait one hour",
}
WITHOUT_TOKEN = {
    40001: "the AppSecret is wrong: set wechat.secret to the one in the account's console",
}
"""What a code means when the call was for the access token itself."""
ALLOW_LIST = frozenset({40164, 61004})

RID = re.compile(r"\brid: ?([0-9a-f]{1,16}(?:-[0-9a-f]{1,16}){2})\b")
ADDRESS = re.compile(r"\binvalid ip ([0-9A-Fa-f.:]{2,45})")
MAX_WORDS = 120


def mend_of(errcode: int, errmsg: str, *, with_token: bool) -> tuple[str, str]:
    """Return cause and mend of *errcode* as one sentence, and the rid or ""."""
    rid = RID.search(errmsg)
    mend = None if with_token else WITHOUT_TOKEN.get(errcode)
    mend = mend or MENDS.get(errcode) or f"WeChat says: {_plain(errmsg)}"
    address = _address(errmsg) if errcode in ALLOW_LIST else ""
    return f"{mend} (WeChat sees {address})" if address else mend, rid[1] if rid else ""


def _address(errmsg: str) -> str:
    """Return the address that WeChat names, or ""."""
    named = ADDRESS.search(errmsg)
    try:
        address = ip_address(named[1]) if named else None
    except ValueError:
        return ""
    if isinstance(address, IPv6Address) and address.ipv4_mapped:
        address = address.ipv4_mapped
    return str(address) if address else ""


def _plain(errmsg: str) -> str:
    """Return text from outside as one short line that can only be read."""
    return re.sub(r"[^ -~]", "?", errmsg)[:MAX_WORDS].strip() or "nothing"
