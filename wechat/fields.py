"""The fields of a push or a reply, as XML or as JSON: the console decides which WeChat writes.

What is read here may be anything. So nothing is taken for a text before it was
looked at: an element with attributes or children is no text, nor is one that
stands twice, in either form.

Source: WeChat, "Message push" (data format: XML or JSON).
"""

import json
import re
from collections.abc import Iterable, Mapping
from enum import Enum
from typing import NoReturn
from xml.parsers.expat import ExpatError

import msgspec
import xmltodict

# All that the two parsers were seen to raise at what is neither.
UNREADABLE = (AttributeError, ExpatError, KeyError, RecursionError, TypeError, ValueError)
NOT_IN_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
# Whole numbers where XML has digits. Texts are texts in both.
NUMBERS = frozenset({"CreateTime", "EventKey"})

Fields = Mapping[str, object]


class BadPush(Exception):
    """WeChat's signature, but no push that can be read."""


class Form(Enum):
    """How fields are written; the value is the content type."""

    XML = "text/xml"
    JSON = "application/json"


def parse(body: bytes) -> tuple[Form, Fields]:
    """Return the form of *body* and its fields, whatever they are.

    Raises:
        BadPush: when it has none.
    """
    form = Form.JSON if body.lstrip()[:1] == b"{" else Form.XML
    try:
        fields = _from_json(body) if form is Form.JSON else xmltodict.parse(body)["xml"]
    except UNREADABLE:
        raise BadPush("neither XML nor JSON") from None
    if not isinstance(fields, dict):
        raise BadPush("no <xml> with elements")
    return form, fields


def text_in(fields: Fields, name: str) -> str:
    """Return the text called *name*; an empty one is as good as none.

    Raises:
        BadPush: when it is no text, stands twice, or is none that UTF-8 can carry.
    """
    value = fields.get(name)
    if type(value) is int and name in NUMBERS:
        return str(value)
    if not isinstance(value, str | None):
        raise BadPush(name)
    try:
        (value or "").encode()
    except UnicodeEncodeError:
        raise BadPush(name) from None
    return value or ""


def write(form: Form, fields: Mapping[str, str | int]) -> str:
    """Return *fields* in that form; no text in them can end its field or begin another."""
    if form is Form.JSON:
        return msgspec.json.encode(fields).decode()
    elements = (f"<{name}>{_element(value)}</{name}>" for name, value in fields.items())
    return f"<xml>{''.join(elements)}</xml>"


def _element(value: str | int) -> str:
    if isinstance(value, int):
        return str(value)
    # A section ends at "]]>": cut between two of them, it is a text like any other.
    text = NOT_IN_XML.sub("\ufffd", value).replace("]]>", "]]]]><![CDATA[>")
    return f"<![CDATA[{text}]]>"


def _from_json(body: bytes) -> object:
    return json.loads(body.decode(), object_pairs_hook=_object, parse_constant=_no_constant)


def _object(pairs: Iterable[tuple[str, object]]) -> dict[str, object]:
    """Return a JSON object; what stands twice becomes a list, as it does in XML."""
    found: dict[str, object] = {}
    for name, value in pairs:
        found[name] = [found[name], value] if name in found else value
    return found


def _no_constant(name: str) -> NoReturn:
    raise ValueError(name)
