"""What the operator reads of an error code."""

import pytest

from wechat.errors import QuotaExhausted, WeChatRefused, WeChatUnavailable, answered
from wechat.mends import mend_of

# Every code of WeChat's that a login can meet. Source: WeChat, "Global return codes".
CODES = (
    *(-1, 40001, 40002, 40003, 40013, 40014, 40029, 40052, 40053, 40125, 40163, 40164, 40243),
    *(41001, 41002, 41004, 42001, 43001, 43002, 43003, 43004, 44002, 45009, 45011, 45015, 45047),
    *(47001, 48001, 48004, 48006, 50001, 50002),
)
ALLOW_LIST = "this server's address is not on the account's IP allow-list: add it in the console"


@pytest.mark.parametrize("errcode", CODES)
def test_every_code_has_a_sentence(errcode: int):
    """
    Cause and mend are one line of ours, whatever WeChat's text says.
    """
    mend, rid = mend_of(errcode, "words\nERROR forged", with_token=True)

    assert 20 < len(mend) < 200
    assert "words" not in mend
    assert "" == rid


def test_wrong_secret_and_dead_token_share_a_code_but_no_sentence():
    """
    40001 means the AppSecret when the call was for the token itself.
    """
    of_token = mend_of(40001, "", with_token=False)[0]
    of_call = mend_of(40001, "", with_token=True)[0]

    assert "wechat.secret" in of_token
    assert "wechat.secret" not in of_call


@pytest.mark.parametrize(
    ("errmsg", "address"),
    [
        ("invalid ip 203.0.113.9, not in whitelist hint: [wgirhA04751512]", "203.0.113.9"),
        ("invalid ip 203.0.113.9 ipv6 ::ffff:203.0.113.9, not in whitelist rid: x", "203.0.113.9"),
        ("invalid ip ::ffff:203.0.113.9, not in whitelist", "203.0.113.9"),
        ("invalid ip 2001:DB8::1, not in whitelist", "2001:db8::1"),
    ],
)
def test_address_that_wechat_names_is_shown(errmsg: str, address: str):
    """
    The operator need not find out by which address WeChat sees the server.
    """
    assert f"{ALLOW_LIST} (WeChat sees {address})" == mend_of(40164, errmsg, with_token=False)[0]


@pytest.mark.parametrize(
    "errmsg",
    [
        "",
        "invalid ip , not in whitelist hint: [59FKqA0797e514]",
        "invalid ip 999.0.0.1, not in whitelist",
        "invalid ip 1.2.3, not in whitelist",
        "invalid ip ::::, not in whitelist",
        "invalid ip <script>, not in whitelist",
        "invalid ip " + "1" * 5000,
    ],
)
def test_what_is_no_address_is_not_shown(errmsg: str):
    """
    Only what is an address by its form gets into the log.
    """
    assert (ALLOW_LIST, "") == mend_of(40164, errmsg, with_token=True)


@pytest.mark.parametrize(
    ("errmsg", "rid"),
    [
        ("api unauthorized rid: 5f283869-46321ea1-07d7260c", "5f283869-46321ea1-07d7260c"),
        ("api unauthorized rid:5f283869-46321ea1-07d7260c", "5f283869-46321ea1-07d7260c"),
        ("api unauthorized rid: 6aaa37eb", ""),
        ("api unauthorized rid: 5F283869-46321ea1-07d7260c", ""),
        ("api unauthorized rid: 5f283869-46321ea1-\x1b[31m", ""),
        ("api unauthorized rid: " + "-".join(["f" * 17] * 3), ""),
        ("api unauthorized hints: [ req_id: LGcabc12ge-x ]", ""),
    ],
)
def test_rid_is_taken_by_its_form(errmsg: str, rid: str):
    """
    WeChat's name for the call is kept for support; nothing else passes for it.
    """
    error = answered("/x", 48001, errmsg, with_token=True)

    assert rid == error.rid


def test_words_of_an_unknown_code_are_one_short_line():
    """
    Texts from outside cannot begin a line of the log, nor fill it.
    """
    hostile = "new trouble\r\nERROR forged\x1b[31m\u2028" + "x" * 10_000

    mend, _ = mend_of(99999, hostile, with_token=True)

    assert mend.startswith("WeChat says: new trouble??ERROR forged?[31m?xxx")
    assert len(mend) < 150
    assert 1 == len(mend.splitlines())


@pytest.mark.parametrize(
    ("errcode", "kind", "fatal"),
    [
        (-1, WeChatUnavailable, False),
        (45009, QuotaExhausted, True),
        (45011, QuotaExhausted, True),
        (40001, WeChatRefused, False),
        (40003, WeChatRefused, False),
        (40013, WeChatRefused, True),
        (50002, WeChatRefused, True),
        (99999, WeChatRefused, False),
    ],
)
def test_codes_have_their_kind(errcode: int, kind: type, fatal: bool):
    """
    What helps decides the kind: time, a returned quota, or somebody.
    """
    error = answered("/x", errcode, "", with_token=True)

    assert (kind, fatal) == (type(error), error.fatal)
