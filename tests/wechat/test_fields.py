"""Fields of a push, in XML and in JSON: texts are texts, once, or it is no push."""

import json

import pytest

from tests.wechat.pushing import (
    BODIES,
    NOW,
    PLAIN,
    SAFE,
    SCAN,
    arrived,
    arrived_as_json,
    as_json,
    pushes,
    read,
)
from wechat import BadPush, BadSignature, Form, PushKind

JSON_SCAN = as_json(SCAN)


@pytest.mark.parametrize("account", [PLAIN, SAFE], ids=["plain", "safe"])
@pytest.mark.parametrize("xml", [pytest.param(xml, id=name) for name, xml in BODIES.items()])
def test_json_twin_says_the_same(account, xml):
    """
    What the console calls JSON has the same fields, so the same push is read.
    """
    reader = pushes(account)

    one = read(reader, *arrived(account, xml.decode()))
    other = read(reader, *arrived_as_json(account, as_json(xml)))

    names = [name for name in one.__struct_fields__ if name not in {"form", "letter"}]
    assert [getattr(one, name) for name in names] == [getattr(other, name) for name in names]
    assert (Form.XML, Form.JSON) == (one.form, other.form)


def test_number_is_read_where_wechat_writes_one():
    """
    A scene may be a number in JSON; the same digits as in XML are read.
    """
    body = JSON_SCAN.replace('"EventKey": "7"', '"EventKey": 7')

    push = read(pushes(), *arrived_as_json(PLAIN, body))

    assert (PushKind.SCAN, "7", NOW) == (push.kind, push.scene, push.created)


@pytest.mark.parametrize("account", [PLAIN, SAFE], ids=["plain", "safe"])
@pytest.mark.parametrize(
    "name", ["ToUserName", "FromUserName", "CreateTime", "MsgType", "Event", "EventKey", "Ticket"]
)
@pytest.mark.parametrize("value", ["1.5", "true", "[]", "{}", '["victim"]', '{"#text": "victim"}'])
def test_json_field_of_another_type_is_no_push(account, name, value):
    """
    Only a text is one: not a list of it, not an object around it.
    """
    fields = json.loads(JSON_SCAN)
    body = json.dumps(fields | {name: "HERE"}).replace('"HERE"', value)

    with pytest.raises(BadPush):
        read(pushes(account), *arrived_as_json(account, body))


@pytest.mark.parametrize("name", ["ToUserName", "FromUserName", "MsgType", "Event", "Ticket"])
def test_json_number_is_no_text(name):
    """
    An openid of digits is a text too.
    """
    fields = json.loads(JSON_SCAN)

    with pytest.raises(BadPush, match=name):
        read(pushes(), *arrived_as_json(PLAIN, json.dumps(fields | {name: 123})))


@pytest.mark.parametrize("name", ["FromUserName", "CreateTime", "Event", "EventKey", "Ticket"])
@pytest.mark.parametrize("place", ["first", "last"])
def test_json_key_that_stands_twice_is_no_push(name, place):
    """
    Readers differ in which of two they believe; we believe neither.
    """
    value = json.dumps(json.loads(JSON_SCAN)[name])
    twice = f'"{name}": {value}'
    body = (
        "{" + f"{twice}, {JSON_SCAN[1:]}" if place == "first" else JSON_SCAN[:-1] + f", {twice}}}"
    )

    with pytest.raises(BadPush, match=name):
        read(pushes(), *arrived_as_json(PLAIN, body))


def test_json_envelope_with_two_seals_is_nobodys():
    """
    Of two encrypted bodies neither is believed.
    """
    query, body = arrived_as_json(SAFE, JSON_SCAN)

    with pytest.raises(BadSignature):
        pushes(SAFE).prove(query, body[:-1] + b', "Encrypt": "' + b"A" * 64 + b'"}')


def test_json_fields_beside_the_sealed_ones_are_ignored():
    """
    In compatible mode only what is sealed counts.
    """
    query, body = arrived_as_json(SAFE, JSON_SCAN)
    forged = body[:-1] + b', "FromUserName": "victim", "Event": "unsubscribe"}'

    push = read(pushes(SAFE), query, forged)

    assert ("openid-1", PushKind.SCAN) == (push.openid, push.kind)


@pytest.mark.parametrize(
    "body",
    [
        "{",
        "{}",
        '{"xml": {"ToUserName": "gh_1"}}',
        "null",
        '"text"',
        JSON_SCAN + "{}",
        JSON_SCAN.replace(str(NOW), "NaN"),
        JSON_SCAN.replace(str(NOW), "9" * 5000),
        JSON_SCAN.replace(str(NOW), f"-{NOW}"),
        JSON_SCAN.replace(str(NOW), f"{NOW}.0"),
        JSON_SCAN.replace("t/1", "\\ud800"),
        JSON_SCAN.replace("openid-1", "open\\u0000id"),
        JSON_SCAN.replace("{", '{"a": ' + "[" * 30_000 + "]" * 30_000 + ","),
        JSON_SCAN.replace("{", '{"a": ' + '{"b": ' * 10_000 + "1" + "}" * 10_000 + ","),
    ],
)
def test_json_that_is_no_push_says_so(body):
    """
    A signed body that cannot be read is refused as such, whatever is wrong with it.
    """
    with pytest.raises(BadPush):
        read(pushes(), *arrived_as_json(PLAIN, body))


def test_json_in_latin_1_is_no_push():
    """
    JSON is UTF-8.
    """
    query, body = arrived_as_json(PLAIN, JSON_SCAN.replace("t/1", "é"))

    with pytest.raises(BadPush):
        read(pushes(), query, body.decode().encode("latin-1"))
