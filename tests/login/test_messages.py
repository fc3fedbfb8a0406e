"""Messages: every type both ways, and every frame that is none."""

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from login import messages
from login.messages import (
    BadMessage,
    BindRequired,
    BindToken,
    Choice,
    Choices,
    Choose,
    CloseCode,
    Code,
    Denied,
    Error,
    ErrorCode,
    Expired,
    GetQr,
    LoginCode,
    Pause,
    Problem,
    Qr,
    Rest,
    Scanned,
    Success,
    Superseded,
    Wish,
    decode,
    encode,
)

TO_PAGE = [
    (
        Qr(Code("t", "http://weixin.qq.com/q/x", "http://mp/x", 180, "u", "u.secret")),
        {
            "type": "qr",
            "data": {
                "ticket": "t",
                "url": "http://weixin.qq.com/q/x",
                "image": "http://mp/x",
                "expires": 180,
                "uuid": "u",
                "resume": "u.secret",
            },
        },
    ),
    (Scanned(Choices((1, 2, 3))), {"type": "scanned", "data": {"choices": [1, 2, 3]}}),
    (Scanned(Choices()), {"type": "scanned", "data": {}}),
    (Success(LoginCode("c", 60)), {"type": "success", "data": {"code": "c", "expires": 60}}),
    (
        BindRequired(BindToken("b", 600)),
        {"type": "bind_required", "data": {"bind_token": "b", "expires": 600}},
    ),
    (Denied(), {"type": "denied", "data": {}}),
    (Expired(), {"type": "expired", "data": {}}),
    (Expired(Rest(Pause.IDLE)), {"type": "expired", "data": {"pause": "idle"}}),
    (Expired(Rest(Pause.QUOTA)), {"type": "expired", "data": {"pause": "quota"}}),
    (Superseded(), {"type": "superseded", "data": {}}),
    (
        Error(Problem(ErrorCode.POOL_EXHAUSTED, "No code is free.", 9)),
        {
            "type": "error",
            "data": {"code": "pool_exhausted", "message": "No code is free.", "retry_after": 9},
        },
    ),
    (
        Error(Problem(ErrorCode.BAD_MESSAGE, "?")),
        {
            "type": "error",
            "data": {"code": "bad_message", "message": "?", "retry_after": None},
        },
    ),
]


@pytest.mark.parametrize(("message", "frame"), TO_PAGE)
def test_encode_writes_the_frames_of_the_contract(
    message: messages.ToPage, frame: dict[str, Any]
) -> None:
    """
    Each message has the type and the data that pages rely on.
    """
    assert frame == json.loads(encode(message))


def test_expired_without_a_pause_has_no_data() -> None:
    """
    Pages that know of no pause get the very bytes that they always got.
    """
    assert '{"type":"expired","data":{}}' == encode(Expired())


def test_every_message_to_pages_is_checked() -> None:
    """
    A new message gets a frame in the table above.
    """
    known = {type(message) for message, _ in TO_PAGE}

    assert set(messages.ToPage.__args__) == known


@pytest.mark.parametrize(
    ("frame", "message"),
    [
        ('{"type": "get_qr"}', GetQr()),
        ('{"type": "get_qr", "data": {}}', GetQr()),
        ('{"type": "get_qr", "data": {"resume": null}}', GetQr()),
        ('{"type": "get_qr", "data": {"resume": "u.s"}}', GetQr(Wish("u.s"))),
        ('{"type": "get_qr", "data": {"link": true}}', GetQr(Wish(link=True))),
        (
            '{"type": "get_qr", "data": {"link": true, "replace": true}}',
            GetQr(Wish(link=True, replace=True)),
        ),
        ('{"data": {"number": 42}, "type": "choose"}', Choose(Choice(42))),
        ('{"type": "choose", "data": {"number": -1}}', Choose(Choice(-1))),
        ('{"type": "get_qr", "data": {"later": 1}, "more": 2}', GetQr()),
    ],
)
def test_decode_reads_what_pages_send(frame: str, message: messages.FromPage) -> None:
    """
    Fields that a later page may add are ignored.
    """
    assert message == decode(frame)


@pytest.mark.parametrize(
    "frame",
    [
        "",
        " ",
        "null",
        "[]",
        "{}",
        '"get_qr"',
        '{"type": null}',
        '{"type": "qr"}',
        '{"type": "GET_QR"}',
        '{"type": "get_qr", "data": null}',
        '{"type": "get_qr", "data": []}',
        '{"type": "get_qr", "data": {"resume": 5}}',
        '{"type": "get_qr", "data": {"resume": ["a"]}}',
        '{"type": "choose"}',
        '{"type": "choose", "data": {}}',
        '{"type": "choose", "data": {"number": "42"}}',
        '{"type": "choose", "data": {"number": 4.2}}',
        '{"type": "choose", "data": {"number": null}}',
        '{"type": "choose", "data": {"number": true}}',
        '{"type": "get_qr"} {"type": "get_qr"}',
        '{"type": "get_qr"',
        '{"type": "get_qr", "data": {"resume": "\\ud800"}}',
        "[" * 4000,
        b'{"type": "get_qr"}',
        b"\xff",
    ],
)
def test_decode_refuses_what_no_page_of_ours_sends(frame: str | bytes) -> None:
    """
    A frame that is no message is refused with a sentence, and nothing worse.
    """
    with pytest.raises(BadMessage, match=r"\w"):
        decode(frame)


@given(st.text(max_size=200))
def test_decode_of_any_text_is_a_message_or_refused(frame: str) -> None:
    """
    No text makes the server stumble.
    """
    try:
        decode(frame)
    except BadMessage:
        return
    json.loads(frame)


def test_close_codes_are_those_of_the_contract() -> None:
    """
    Pages decide by them whether to come back.
    """
    assert {1000, 1001, 1012, 1013, 4400, 4403} == {code.value for code in CloseCode}


def test_messages_cannot_be_changed() -> None:
    """
    A message that was made is what is sent.
    """
    with pytest.raises(AttributeError):
        Success(LoginCode("c", 60)).data = LoginCode("d", 60)  # type: ignore[misc]
    assert msgspec.json.decode(encode(Denied()))["type"] == "denied"
