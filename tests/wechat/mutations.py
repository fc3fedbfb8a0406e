"""Bodies that are nearly pushes: cut, bent, doubled, nested, swollen, in XML and in JSON."""

import re
from collections.abc import Callable
from random import Random

PIECE = re.compile(rb'<(\w+)>.*?</\1>|"\w+": ?(?:"(?:[^"\\]|\\.)*"|\d+)', re.DOTALL)
JUNK = (
    *(b"]]>", b"<![CDATA[", b"<!--", b"-->", b"&a;", b"&#0;", b"<?xml version='1.0'?>"),
    *(b"</xml>", b"<xml>", b"<a/>", b'<!DOCTYPE x [<!ENTITY a "b">]>', b"\xef\xbb\xbf"),
    *(b"\x00", b"\xff", b"\xed\xa0\x80", b"\\ud800", b"\\u0000", b'"', b"\\", b"{", b"}"),
    *(b",", b":", b"null", b"NaN", b"-1", b"1e999", b"[]", b"true", b" ", b"\n"),
)
DEPTH = 3000
HUGE = 50_000


def mutate(random: Random, body: bytes) -> bytes:
    """Return *body* after one to three accidents."""
    for _ in range(random.randint(1, 3)):
        body = random.choice(ACCIDENTS)(random, body)
    return body


def _cut(random: Random, body: bytes) -> bytes:
    return body[: random.randint(0, len(body))]


def _flip(random: Random, body: bytes) -> bytes:
    if not body:
        return body
    place = random.randint(0, len(body) - 1)
    return body[:place] + bytes([random.randint(0, 255)]) + body[place + 1 :]


def _insert(random: Random, body: bytes) -> bytes:
    place = random.randint(0, len(body))
    return body[:place] + random.choice(JUNK) + body[place:]


def _drop(random: Random, body: bytes) -> bytes:
    return body.replace(_piece(random, body), b"", 1)


def _double(random: Random, body: bytes) -> bytes:
    piece = _piece(random, body)
    return body.replace(piece, piece + (b"," if piece.startswith(b'"') else b"") + piece, 1)


def _swap(random: Random, body: bytes) -> bytes:
    """Give one field the value of another, by exchanging what is written."""
    one, other = _piece(random, body), _piece(random, body)
    return body.replace(one, b"\x01", 1).replace(other, one, 1).replace(b"\x01", other, 1)


def _attribute(random: Random, body: bytes) -> bytes:
    """Put an attribute into an element, or an object around a value."""
    piece = _piece(random, body)
    if piece.startswith(b"<"):
        return body.replace(piece, piece.replace(b">", b' a="b">', 1), 1)
    name, _, value = piece.partition(b":")
    return body.replace(piece, name + b': {"#text": ' + value + b"}", 1)


def _nest(random: Random, body: bytes) -> bytes:
    piece = _piece(random, body)
    if piece.startswith(b'"'):
        name, _, value = piece.partition(b":")
        return body.replace(piece, name + b":" + b"[" * DEPTH + value + b"]" * DEPTH, 1)
    return body.replace(piece, b"<a>" * DEPTH + piece + b"</a>" * DEPTH, 1)


def _swell(random: Random, body: bytes) -> bytes:
    place = random.randint(0, len(body))
    return body[:place] + random.choice((b"a", b"9", b" ", b"<a/>"))[:1] * HUGE + body[place:]


def _piece(random: Random, body: bytes) -> bytes:
    """Return one field with its name; the outermost element counts as one."""
    inner = [match[0] for match in PIECE.finditer(body, 1)] or [body]
    return random.choice(inner)


ACCIDENTS: tuple[Callable[[Random, bytes], bytes], ...] = (
    *(_cut, _flip, _insert, _drop, _double, _swap, _attribute, _nest, _swell),
)
