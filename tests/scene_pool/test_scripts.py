"""The Lua files of every package: their headers say what they take, and so do their bodies."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("accounts", "login", "scene_pool", "store", "wechat")
SCRIPTS = sorted(file for package in PACKAGES for file in (ROOT / package).glob("*.lua"))
DECLARED = re.compile(r"^-- (KEYS|ARGV)\[(\d+)\] +(\w+) +\S", re.MULTILINE)
NAMED = re.compile(r"(KEYS|ARGV)\[(\d+)\]")
COMPUTED = re.compile(r"(KEYS|ARGV)\[[^\]]*[a-z][^\]]*\]|#(KEYS|ARGV)")
WRITES = [
    "DEL",
    "HDEL",
    "HINCRBY",
    "HSET",
    "INCR",
    "PEXPIRE",
    "PEXPIREAT",
    "PUBLISH",
    "SET",
    "XADD",
    "ZADD",
    "ZREM",
    "ZREMRANGEBYSCORE",
]
READS = [
    "EXISTS",
    "GET",
    "HEXISTS",
    "HGET",
    "HGETALL",
    "HMGET",
    "PTTL",
    "TIME",
    "XRANGE",
    "XREVRANGE",
    "ZCARD",
    "ZCOUNT",
    "ZRANGE",
    "ZSCORE",
]
CALLS = re.compile(r"redis\.call\(\s*'([A-Z]+)'")


def head_and_body(file: Path) -> tuple[str, str]:
    """Return the comment at the top of a script, and the rest without comments."""
    lines = file.read_text(encoding="utf-8").splitlines()
    end = next(place for place, line in enumerate(lines) if not line.startswith(("#!", "--")))
    body = (re.sub(r"--.*", "", line) for line in lines[end:])
    return "\n".join(lines[:end]), "\n".join(body)


def test_scripts_are_found() -> None:
    """
    There is something to check, in the pool and beside it.
    """
    folders = {file.parent.name for file in SCRIPTS}
    assert {"accounts", "login", "scene_pool", "store", "wechat"} == folders
    assert len(SCRIPTS) >= 11


@pytest.mark.parametrize("file", SCRIPTS, ids=lambda file: file.stem)
def test_script_declares_what_it_uses(file: Path) -> None:
    """
    Header and body have the same KEYS and ARGV; what a body counts through is the last of them.
    """
    head, body = head_and_body(file)
    declared = [(array, int(place)) for array, place, _ in DECLARED.findall(head)]
    named = {(array, int(place)) for array, place in NAMED.findall(body)}
    computed = {first or second for first, second in COMPUTED.findall(body)}

    last = {array: max(place for name, place in declared if name == array) for array in computed}

    assert len(declared) == len(set(declared))
    assert sorted(declared, key=lambda each: (each[0] == "ARGV", each[1])) == declared
    assert set(declared) == named | set(last.items())
    for array in ("KEYS", "ARGV"):
        places = [place for name, place in declared if name == array]
        assert list(range(1, len(places) + 1)) == places


@pytest.mark.parametrize("file", SCRIPTS, ids=lambda file: file.stem)
def test_script_says_what_it_does_and_returns(file: Path) -> None:
    """
    The header has a sentence, and what comes back.
    """
    head, _ = head_and_body(file)

    assert re.search(r"^#!lua.*\n-- [A-Z].*[.:,a-z]$", head, re.MULTILINE)
    assert re.search(r"^-- Returns  \S", head, re.MULTILINE)


@pytest.mark.parametrize("file", SCRIPTS, ids=lambda file: file.stem)
def test_script_has_the_right_flags(file: Path) -> None:
    """
    The shebang lets a full store refuse a writing script before its first write; a script that
    only reads says so, and may then run on a full store.
    """
    head, body = head_and_body(file)
    calls = set(CALLS.findall(body))
    writes = calls & set(WRITES)

    unknown = calls - writes - set(READS)

    assert set() == unknown
    assert ("#!lua" if writes else "#!lua flags=no-writes") == head.splitlines()[0]


@pytest.mark.parametrize("file", SCRIPTS, ids=lambda file: file.stem)
def test_script_touches_declared_keys_only(file: Path) -> None:
    """
    A key that is made up inside a script would break a cluster: every call's key is declared,
    or begins with a declared prefix, which has the hash tag of all keys.
    """
    head, body = head_and_body(file)
    aliases = dict(re.findall(r"local ([\w, ]+) = ((?:KEYS\[\d\](?:, )?)+)", body))
    names = {name.strip() for group in aliases for name in group.split(",")}
    prefixed = re.findall(r"local (\w+) = ARGV\[(\d)\] \.\. ", body)
    names |= {name for name, place in prefixed if f"ARGV[{place}]  {name}  prefix of" in head}
    keys = re.findall(r"redis\.call\(\s*'(?!TIME|PUBLISH)[A-Z]+', ([\w\[\]]+)", body)

    strange = [key for key in keys if not key.startswith("KEYS[") and key not in names]

    assert [] == strange
