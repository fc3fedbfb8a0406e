"""Read a file into `Settings`, or say in one line what is wrong with it."""

import os
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, get_args

import msgspec
import yaml

from settings.checks import problems
from settings.schema import SECRET_KEYS, Section, Settings

MOST_SHOWN = 120
"""How much of a wrong value is repeated, in characters."""
REFERENCE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)(?::-([^}]*))?\}")


class SettingsError(Exception):
    """The file cannot be used; `str(error)` is the line for the operator."""

    def __init__(self, file: str, path: str, expected: str, found: str) -> None:
        self.file, self.path, self.expected, self.found = file, path, expected, found
        where = f"{file}: {path}" if path else file
        super().__init__(f"{where}: expected {expected}, found {found}")


def load(file: str | Path, environ: Mapping[str, str] = os.environ) -> Settings:
    """Return the settings in *file*, with `${NAME}` and `${NAME:-default}` filled in.

    Raises:
        SettingsError: naming the file, the key path, what was expected, what was found.
    """
    name = str(file)
    tree = _sections(name, _parse(name))
    for section, values in tree.items():
        for key, value in values.items():
            values[key] = _fill(name, f"{section}.{key}", value, environ)
    settings = _convert(name, tree)
    for path, expected in problems(settings):
        raise SettingsError(name, path, expected, _found(_as_tree(settings), path))
    return settings


class _Loader(yaml.SafeLoader):
    """YAML's safe loader, but a key that stands twice is an error."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen = set()
        for key_node, _ in node.value:
            if key_node.value in seen:
                raise yaml.constructor.ConstructorError(
                    None, None, f"a second key {key_node.value!r}", key_node.start_mark
                )
            seen.add(key_node.value)
        return super().construct_mapping(node, deep)


def _parse(name: str) -> object:
    try:
        with Path(name).open(encoding="utf-8") as stream:
            return yaml.load(stream, _Loader) or {}  # noqa: S506, a subclass of SafeLoader
    except OSError as error:
        raise SettingsError(name, "", "a readable file", error.strerror or "none") from None
    except UnicodeDecodeError:
        raise SettingsError(name, "", "UTF-8 text", "other bytes") from None
    except yaml.YAMLError as error:
        raise SettingsError(name, _line(error), "YAML", _problem(error)) from None


def _line(error: yaml.YAMLError) -> str:
    mark = getattr(error, "problem_mark", None)
    return f"line {mark.line + 1}" if mark else ""


def _problem(error: yaml.YAMLError) -> str:
    return str(getattr(error, "problem", None) or "something else")


def _sections(name: str, tree: object) -> dict[str, dict[str, Any]]:
    if not isinstance(tree, dict):
        raise SettingsError(name, "", "sections like `server:`", type(tree).__name__)
    known = _names(Settings)
    for section, values in tree.items():
        if section not in known:
            raise SettingsError(name, str(section), f"one of {_list(known)}", "an unknown section")
        if values is not None and not isinstance(values, dict):
            raise SettingsError(name, section, "keys and values", _describe(section, values))
    return {section: dict(values or {}) for section, values in tree.items()}


def _fill(name: str, path: str, value: object, environ: Mapping[str, str]) -> object:
    """Replace references in *value*; a replaced text takes the type of its key."""
    if isinstance(value, list):
        return [_fill_text(name, path, item, environ) for item in value]
    if isinstance(value, dict):
        return {
            key: _fill_text(name, f"{path}.{key}", item, environ) for key, item in value.items()
        }
    filled = _fill_text(name, path, value, environ)
    return filled if filled is value else _typed(path, str(filled))


def _fill_text(name: str, path: str, value: object, environ: Mapping[str, str]) -> object:
    if not isinstance(value, str) or "${" not in value:
        return value

    def replace(match: re.Match[str]) -> str:
        variable, default = match.groups()
        # As in a shell, `:-` also covers a variable that is set but empty.
        text = environ.get(variable) or default
        if text is None:
            raise SettingsError(name, path, f"{variable} in the environment", "nothing")
        return text

    return REFERENCE.sub(replace, value)


def _typed(path: str, text: str) -> object:
    """Give *text* the type of the key at *path*; leave it a text where that fails."""
    try:
        return msgspec.convert(text, _key_type(path), strict=False)
    except (KeyError, msgspec.ValidationError):
        return text


def _key_type(path: str) -> Any:
    section, _, key = path.partition(".")
    return _types(_types(Settings)[section])[key]


def _types(kind: type[Section]) -> dict[str, Any]:
    return {field.name: field.type for field in msgspec.structs.fields(kind)}


def _convert(name: str, tree: dict[str, dict[str, Any]]) -> Settings:
    try:
        return msgspec.convert(tree, Settings)
    except msgspec.ValidationError as error:
        text, _, place = str(error).partition(" - at `$")
        path = place.rstrip("`").lstrip(".")
        unknown = re.search(r"unknown field `(.*)`", text)
        if unknown:
            known = _names(_types(Settings)[path])
            raise SettingsError(
                name, f"{path}.{unknown[1]}", f"one of {_list(known)}", "an unknown key"
            ) from None
        raise SettingsError(name, path, _expected(text, path), _found(tree, path)) from None


def _expected(text: str, path: str) -> str:
    """Say what the key at *path* takes, from msgspec's own sentence."""
    if text.startswith("Invalid enum value"):
        kind = _key_type(path)
        return f"one of {_list(get_args(kind) or kind)}"
    if "matching regex" in text:  # which says less than the words beside it
        return str(_key_type(path).__metadata__[0].description)
    expected, _, got = text.removeprefix("Expected ").replace("`", "").partition(", got ")
    if expected == "array":
        expected = "a list, like [a, b], or []"
    # A word that YAML reads as a truth value surprises whoever wrote it.
    return f"{expected} (words like off, no and yes in quotes)" if got == "bool" else expected


def _as_tree(settings: Settings) -> dict[str, Any]:
    return {
        section: {field: getattr(values, field) for field in values.__struct_fields__}
        for section in settings.__struct_fields__
        for values in [getattr(settings, section)]
    }


def _found(tree: Mapping[str, Any], path: str) -> str:
    """Describe the value at *path*; what may be a secret is named by its type only."""
    value: Any = tree
    for step in re.findall(r"[^.\[\]]+", path):
        value = value[int(step)] if step.isdecimal() else value[step]
    return _describe(path, value)


def _describe(path: str, value: object) -> str:
    kind = type(value).__name__
    if path.rpartition(".")[2] in SECRET_KEYS:
        return f"a {kind} (not shown)" if value else "an empty text"
    line = str(value).replace("\n", "\\n")
    return f"{line[:MOST_SHOWN]} ({kind})"


def _names(kind: type[Section]) -> list[str]:
    return list(kind.__struct_fields__)


def _list(names: Iterable[str]) -> str:
    return ", ".join(names)
