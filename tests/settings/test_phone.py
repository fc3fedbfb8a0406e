"""The section `phone`: texts that can be said, or one line that says why not."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from login.replies import EN, TEXTS, Answer
from settings import SettingsError, load
from settings.phone import PLACEHOLDERS

FILE = "saoma.yaml"


def write(folder: Path, **phone: Any) -> Path:
    """Write a file with that section."""
    file = folder / FILE
    file.write_text(yaml.safe_dump({"phone": phone}), encoding="utf-8")
    return file


def refusal(folder: Path, **phone: Any) -> SettingsError:
    """Return why a file with that section is refused."""
    with pytest.raises(SettingsError) as refused:
        load(write(folder, **phone))
    return refused.value


def test_settings_and_replies_know_the_same_texts() -> None:
    """
    Whatever can be said can be replaced, and nothing else.
    """
    assert set(Answer) == PLACEHOLDERS.keys()


@pytest.mark.parametrize("language", TEXTS)
def test_our_own_texts_would_be_taken(folder: Path, language: str) -> None:
    """
    The texts that come along keep the rules that a site's texts have to keep.
    """
    texts = {str(name): text for name, text in TEXTS[language].items()}

    assert texts == load(write(folder, texts=texts)).phone.texts


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("hello", "x", "one of signed_in, bind"),
        ("used", "{number}", "than {refuse_word}, {site}, {undo_minutes}, {undo_word}"),
        ("used", "{browser}", "no other placeholders than"),
        ("signed_in", "{nobody}", "than {browser}, {place}, {refuse_word}, {site}, {time}"),
        ("signed_in", "{site.__class__}", "no other placeholders"),
        ("signed_in", "{site!r}", "no other placeholders"),
        ("signed_in", "{site:>9999999}", "no other placeholders"),
        ("signed_in", "{}", "no other placeholders"),
        ("signed_in", "{0}", "no other placeholders"),
        ("signed_in", "{site", "for a brace"),
        ("signed_in", "site}", "for a brace"),
        ("signed_in", "{${NOBODY}}", "NOBODY in the environment"),
        ("signed_in", "{${NOBODY:-nobody}}", "a text with"),
        ("signed_in", "a\x07b", "control characters"),
        ("signed_in", "", "neither {place} nor {browser}"),
        ("signed_in", "  \n{place}", "neither {place} nor {browser}"),
        ("signed_in", "登" * 683, "2048 bytes"),
        ("signed_in", "登" * 600 + "{site}", "2048 bytes"),
    ],
)
def test_text_that_cannot_be_said_is_refused(
    folder: Path, name: str, text: str, expected: str
) -> None:
    """
    A wrong text stops the start with the file and the key, on one line.
    """
    refused = refusal(folder, texts={name: text})

    assert (str(folder / FILE), f"phone.texts.{name}") == (refused.file, refused.path)
    assert expected in refused.expected
    assert 1 == len(str(refused).splitlines())


def test_text_as_long_as_wechat_takes_is_fine(folder: Path) -> None:
    """
    2048 bytes are not too many.
    """
    text = "登" * 682 + "xx"

    assert text == load(write(folder, texts={"used": text})).phone.texts["used"]


def test_texts_may_have_braces_and_our_own_words(folder: Path) -> None:
    """
    A doubled brace is a brace.
    """
    texts = {"used": "{{x}} {site}", "expired": EN[Answer.EXPIRED]}

    assert texts == load(write(folder, texts=texts)).phone.texts


@pytest.mark.parametrize("zone", ["Shanghai", "../etc/passwd", "/etc/passwd", "", "Asia", "\0"])
def test_time_zone_that_nobody_knows_is_refused(folder: Path, zone: str) -> None:
    """
    A zone is a name of the IANA database.
    """
    assert "phone.time_zone" == refusal(folder, time_zone=zone).path


def test_city_database_that_is_none_is_refused(folder: Path) -> None:
    """
    A file that is missing, a folder, or another file stops the start.
    """
    other = folder / "other.mmdb"
    other.write_bytes(b"not a database" * 1000)
    paths = [str(other), str(folder), str(folder / "missing.mmdb")]

    refused = [refusal(folder, city_database=path).path for path in paths]

    assert ["phone.city_database"] * 3 == refused


@pytest.mark.parametrize("name", ["x" * 41, "a\nb"])
def test_site_name_that_is_no_name_is_refused(folder: Path, name: str) -> None:
    """
    A name is short and on one line.
    """
    assert "phone.site_name" == refusal(folder, site_name=name).path


@pytest.mark.parametrize(
    ("words", "path"),
    [
        ({"undo_word": ""}, "phone.undo_word"),
        ({"undo_word": " "}, "phone.undo_word"),
        ({"undo_word": "T\n"}, "phone.undo_word"),
        ({"undo_word": "x" * 17}, "phone.undo_word"),
        ({"refuse_word": ""}, "phone.refuse_word"),
        ({"refuse_word": "t"}, "phone.refuse_word"),
        ({"undo_word": "不是我", "refuse_word": " 不是我 "}, "phone.refuse_word"),
        ({"undo_word": "ｎ"}, "phone.refuse_word"),
    ],
)
def test_words_that_cannot_be_told_apart_are_refused(
    folder: Path, words: dict[str, str], path: str
) -> None:
    """
    Both words can be written, and they differ in more than case and width.
    """
    assert path == refusal(folder, **words).path
