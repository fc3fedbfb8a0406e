"""Write what is derived from `login` and the texts.

`static/protocol.js` and `docs/protocol.md` are about messages, `static/embed_words.js` is for
pages that cannot reach the server.

`make docs` writes them; with `--check` nothing is written, and the exit code is 1
when they are stale.
"""

import inspect
import sys
import typing
from collections.abc import Mapping
from enum import Enum
from pathlib import Path

import msgspec

from handlers.texts import LANGUAGES, Texts
from login import flow, messages

HERE = Path(__file__).resolve().parent
SCRIPT = HERE.parent / "static" / "protocol.js"
WORDS = HERE.parent / "static" / "embed_words.js"
TEXTS = HERE.parent / "templates" / "texts.json"
PAGE = HERE / "protocol.md"
WORDS_WITHOUT_SERVER = (
    "sign_in",
    "embed_unreachable",
    "embed_origin_refused",
    "try_again",
    "close",
)


def main(arguments: list[str]) -> int:
    """Write the files, or compare them."""
    rendered = {SCRIPT: script(), WORDS: words(), PAGE: page()}
    stale = [file for file, text in rendered.items() if _read(file) != text]
    if "--check" in arguments:
        for file in stale:
            print(f"{file.name} is stale: run `make docs`", file=sys.stderr)
        return 1 if stale else 0
    for file in stale:
        file.write_text(rendered[file], encoding="utf-8")
    return 0


def script() -> str:
    """Return the module that pages import."""
    types = {name.upper(): name for name in _names()}
    parts = [
        "// Rendered from login/messages.py by `make docs`; do not edit.",
        _object("MessageType", types),
        _object("ErrorCode", {code.name: code.value for code in messages.ErrorCode}),
        _object("Pause", {pause.name: pause.value for pause in messages.Pause}),
        _object("NotLinked", {reason.name: reason.value for reason in messages.NotLinked}),
        _object("CloseCode", {code.name: code.value for code in messages.CloseCode}),
    ]
    return "\n\n".join(parts) + "\n"


def words() -> str:
    """Return the module with the words of pages that cannot reach the server."""
    texts = Texts(TEXTS)
    body = "".join(
        f"  {language}: {{\n"
        + "".join(f"    {key}: {_json(texts[language][key])},\n" for key in WORDS_WITHOUT_SERVER)
        + "  },\n"
        for language in LANGUAGES
    )
    return (
        "// Rendered from templates/texts.json by `make docs`; do not edit.\n\n"
        f"export const WORDS = Object.freeze({{\n{body}}});\n"
    )


def page() -> str:
    """Return the page about the messages and the flow."""
    lines = [
        "# The socket's messages",
        "",
        "Rendered from `login/messages.py` and `login/flow.py` by `make docs`; do not edit.",
        "",
        'Text frames on `/ws`, each one JSON object `{"type": …, "data": {…}}`.',
        "Seconds are always seconds left, never clock times.",
    ]
    for title, union in (
        ("Page to server", messages.FromPage),
        ("Server to page", messages.ToPage),
    ):
        lines += ["", f"## {title}", "", "| type | data | meaning |", "| --- | --- | --- |"]
        lines += [_row(kind) for kind in typing.get_args(union)]
    lines += ["", "## Errors", "", "Codes of `error`: " + _codes(messages.ErrorCode) + "."]
    lines += [
        "",
        "## Pauses",
        "",
        "Why `expired` may ask a page to pause: " + _codes(messages.Pause) + ".",
    ]
    lines += [
        "",
        "## Refusals",
        "",
        "Why `denied` may say that a scan links nothing: " + _codes(messages.NotLinked) + ".",
    ]
    lines += ["", "## Close codes", "", "| code | name |", "| --- | --- |"]
    lines += [f"| {code.value} | {code.name.lower()} |" for code in messages.CloseCode]
    lines += ["", "## Flow of an attempt", "", "```mermaid", "stateDiagram-v2"]
    lines += ["    [*] --> waiting"]
    lines += [f"    {start} --> {end}: {event}" for (start, event), end in flow.TRANSITIONS.items()]
    lines += [f"    {state} --> [*]" for state in sorted(flow.FINAL)]
    return "\n".join([*lines, "```", ""])


def _row(kind: type[msgspec.Struct]) -> str:
    data = typing.get_type_hints(kind)["data"]
    fields = ", ".join(f"`{name}`" for name in data.__struct_fields__)
    about = " ".join(filter(None, (_doc(kind), _doc(data) if fields else "")))
    return f"| `{_tag(kind)}` | {fields} | {about} |"


def _doc(kind: type) -> str:
    return " ".join((inspect.getdoc(kind) or "").split()).replace("|", "\\|")


def _names() -> list[str]:
    kinds = (*typing.get_args(messages.FromPage), *typing.get_args(messages.ToPage))
    return [_tag(kind) for kind in kinds]


def _tag(kind: type[msgspec.Struct]) -> str:
    return str(kind.__struct_config__.tag)


def _codes(kind: type[Enum]) -> str:
    return ", ".join(f"`{code.value}`" for code in kind)


def _object(name: str, entries: Mapping[str, str | int]) -> str:
    body = "".join(f"  {key}: {_json(value)},\n" for key, value in entries.items())
    return f"export const {name} = Object.freeze({{\n{body}}});"


def _json(value: str | int) -> str:
    return msgspec.json.encode(value).decode()


def _read(file: Path) -> str:
    return file.read_text(encoding="utf-8") if file.exists() else ""


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
