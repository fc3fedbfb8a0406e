"""What the texts for the phone may contain, and what else of that section no type can refuse."""

import unicodedata
from collections.abc import Iterator
from string import Formatter
from zoneinfo import ZoneInfo

import maxminddb

from settings.schema import PhoneSettings

# Source: WeChat, "Customer service messages": a text has at most 2048 bytes.
MAX_TEXT_BYTES = 2048
ALWAYS = frozenset({"site", "undo_word", "undo_minutes", "refuse_word"})
OF_A_SCAN = ALWAYS | {"browser", "place", "time"}
PLACEHOLDERS = {
    "signed_in": OF_A_SCAN,
    "bind": OF_A_SCAN,
    "link": OF_A_SCAN,
    "choose": OF_A_SCAN | {"number"},
    "expired": ALWAYS,
    "used": ALWAYS,
    "denied": ALWAYS,
    "not_allowed": ALWAYS,
    "undone": OF_A_SCAN,
    "refused": OF_A_SCAN,
    "nothing": ALWAYS,
}
"""The texts, and what each may be filled with."""
MAY_MISS = frozenset({"browser", "place"})
# As long as what is filled in may be, in bytes.
LONGEST = {
    "site": 256,
    "browser": 64,
    "place": 128,
    "time": 16,
    "number": 2,
    "undo_word": 64,
    "undo_minutes": 12,
    "refuse_word": 64,
}

Problem = tuple[str, str]


def problems_of_phone(phone: PhoneSettings) -> Iterator[Problem]:
    """Yield everything about *phone* that no single type could refuse."""
    if not _is_time_zone(phone.time_zone):
        yield "phone.time_zone", "a time zone like Asia/Shanghai"
    if phone.city_database and not _is_database(phone.city_database):
        yield "phone.city_database", 'a MaxMind DB file (.mmdb) that can be read, or ""'
    if _has_control(phone.site_name):
        yield "phone.site_name", "a name without control characters"
    for key in ("undo_word", "refuse_word"):
        if not _folded(getattr(phone, key)) or _has_control(getattr(phone, key)):
            yield f"phone.{key}", "a word that can be answered, like T"
    if _folded(phone.undo_word) == _folded(phone.refuse_word):
        yield "phone.refuse_word", "another word than phone.undo_word"
    for name, text in phone.texts.items():
        expected = _expected(name, text)
        if expected:
            yield f"phone.texts.{name}", expected


def _expected(name: str, text: str) -> str:
    """Return what was expected of a text, or "" when it is well."""
    if name not in PLACEHOLDERS:
        return f"one of {', '.join(PLACEHOLDERS)}"
    may = ", ".join(f"{{{each}}}" for each in sorted(PLACEHOLDERS[name]))
    try:
        holes = [hole[1:] for hole in Formatter().parse(text) if hole[1] is not None]
    except ValueError:
        return f"a text with none but {may} in braces, and {{{{ or }}}} for a brace"
    if any(form or how or each not in PLACEHOLDERS[name] for each, form, how in holes):
        return f"a text with no other placeholders than {may}"
    return _expected_when_filled(text)


def _expected_when_filled(text: str) -> str:
    if _has_control(text.replace("\n", "")):
        return "a text without control characters"
    # Lines whose place or browser is not known are left out.
    if not any(line.strip() and not MAY_MISS & _holes(line) for line in text.split("\n")):
        return "a text with a line that needs neither {place} nor {browser}"
    longest = {each: "x" * most for each, most in LONGEST.items()}
    if len(text.format(**longest).encode()) > MAX_TEXT_BYTES:
        return f"a text of at most {MAX_TEXT_BYTES} bytes when it is filled in"
    return ""


def _holes(line: str) -> set[str | None]:
    return {name for _, name, _, _ in Formatter().parse(line)}


def _folded(word: str) -> str:
    """Return *word* as answers are compared: see `login.second_thoughts`."""
    return unicodedata.normalize("NFKC", word).strip().casefold()


def _has_control(text: str) -> bool:
    """Tell whether *text* has what XML cannot carry."""
    return any(unicodedata.category(letter) in {"Cc", "Cs"} for letter in text)


def _is_time_zone(name: str) -> bool:
    try:
        ZoneInfo(name)
    except (OSError, ValueError, KeyError):  # KeyError: ZoneInfoNotFoundError
        return False
    return True


def _is_database(path: str) -> bool:
    try:
        maxminddb.open_database(path).close()
    except (OSError, ValueError, maxminddb.InvalidDatabaseError):
        return False
    return True
