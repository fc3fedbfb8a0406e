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
from xml.parsers import expat

import msgspec

# All that the two parsers were seen to raise at what is neither.
UNREADABLE = (expat.ExpatError, RecursionError, ValueError)
NOT_IN_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
# Whole numbers where XML has digits. Texts are texts in both.
NUMBERS = frozenset({"CreateTime", "EventKey"})

NO_TEXT = object()
"""Stands for an element with attributes or children."""

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
        fields = _from_json(body) if form is Form.JSON else _Elements().read(body)
    except UNREADABLE:
        raise BadPush("neither XML nor JSON") from None
    if not isinstance(fields, dict) or not fields:
        raise BadPush("nothing with fields")
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
    elements = [f"<{name}>{_element(value)}</{name}>" for name, value in fields.items()]
    return f"<xml>{''.join(elements)}</xml>"


def _element(value: str | int) -> str:
    if isinstance(value, int):
        return str(value)
    # A section ends at "]]>": cut between two of them, it is a text like any other.
    text = NOT_IN_XML.sub("\ufffd", value).replace("]]>", "]]]]><![CDATA[>")
    return f"<![CDATA[{text}]]>"


class _Elements:
    """What stands in <xml>: texts without the white space at their ends, and what is no text.

    A push has no document type, so nothing that one could declare is ever looked at.
    """

    def __init__(self) -> None:
        self._found: list[tuple[str, object]] = []
        self._depth = 0
        self._text: list[str] = []
        self._is_text = True

    def read(self, body: bytes) -> dict[str, object]:
        """Return the elements of *body*.

        Raises:
            ExpatError, ValueError: when it is no XML, or its root is another.
        """
        parser = expat.ParserCreate("utf-8")
        parser.buffer_text = True
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._text.append
        parser.StartDoctypeDeclHandler = _no_doctype
        parser.Parse(body, True)
        return _object(self._found)

    def _start(self, name: str, attributes: Mapping[str, str]) -> None:
        self._depth += 1
        if self._depth == 1 and name != "xml":
            raise ValueError(name)
        self._is_text = self._depth == 2 and not attributes
        self._text.clear()

    def _end(self, name: str) -> None:
        if self._depth == 2:
            self._found.append((name, "".join(self._text).strip() if self._is_text else NO_TEXT))
        self._depth -= 1
        self._is_text = False


def _no_doctype(*_: object) -> NoReturn:
    raise ValueError("a document type")


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
