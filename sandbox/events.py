"""The XML of pushes, element for element as WeChat writes it.

Pure functions: a test can make any event, true, late, foreign or absurd.
Source: WeChat, "Receive event pushes"; the order of elements is that of captured pushes.
"""

import re

_NOT_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")


def is_xml_text(text: str) -> bool:
    """Return whether XML 1.0 can carry *text* at all (XML 1.0 §2.2)."""
    return not _NOT_XML.search(text)


def event_xml(
    *,
    account_id: str,
    openid: str,
    event: str,
    created_at: float,
    event_key: str | None = None,
    ticket: str | None = None,
) -> str:
    """Return the body of an event push.

    Args:
        account_id: The account's `gh_` id.
        openid: Who did it.
        event: `SCAN`, `subscribe`, `unsubscribe`.
        created_at: Unix seconds, cut to whole ones.
        event_key: The bare scene for `SCAN`, `qrscene_` and the scene for a `subscribe` by a code,
            empty for the others; None leaves the element out.
        ticket: The code's ticket; None leaves the element out.
    """
    elements = _head(account_id, openid, created_at, "event") + _text("Event", event)
    if event_key is not None:
        elements += _text("EventKey", event_key)
    if ticket is not None:
        elements += _text("Ticket", ticket)
    return f"<xml>{elements}</xml>"


def message_xml(
    *, account_id: str, openid: str, text: str, message_id: int, created_at: float
) -> str:
    """Return the body of a text message from *openid*; *message_id* has 64 bits."""
    elements = _head(account_id, openid, created_at, "text") + _text("Content", text)
    return f"<xml>{elements}<MsgId>{message_id}</MsgId></xml>"


def _head(account_id: str, openid: str, created_at: float, kind: str) -> str:
    return (
        _text("ToUserName", account_id)
        + _text("FromUserName", openid)
        + f"<CreateTime>{int(created_at)}</CreateTime>"
        + _text("MsgType", kind)
    )


def _text(name: str, value: str) -> str:
    # "]]>" would end the section: it is cut in two sections, the only way CDATA can carry it.
    return f"<{name}><![CDATA[{value.replace(']]>', ']]]]><![CDATA[>')}]]></{name}>"
