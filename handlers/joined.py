"""Modules that are sent as one file.

A browser's main thread pays more for another file than for what is in it, so the script of a
page comes with all that it imports. Each module becomes a function, called once, in the order in
which a browser runs modules:

    import { Ring as Line } from "./ring.js";        const view_js = (() => {
    export class View {}                             const { Ring: Line } = ring_js;
                                                     class View {}
                                                     return { View };
                                                     })();

The sources stay modules, and are sent as they are to whoever asks for them by their own names.
Forms of `import` and `export` that they do not use are refused.
"""

import re
from pathlib import Path, PurePosixPath

IMPORT = re.compile(r'^import (?:\{([^}]*)\} from )?"(\./[^"]+)";$', re.MULTILINE)
DECLARED = re.compile(r"^export (?=(?:const|class|(?:async )?function) (\w+))", re.MULTILINE)
LISTED = re.compile(r"(?:^|(?<=;))export ?\{([^}]*)\}(?! from);?", re.MULTILINE)
REFUSED = re.compile(r"^(?:import|export)\b.*", re.MULTILINE)
RENAMED = re.compile(r"(\w+) as (\w+)")


class JoinError(Exception):
    """Modules cannot be joined; the text says which, and why."""


def join(entry: Path) -> str:
    """Return *entry* and all that it imports as one module, which imports and exports nothing.

    Raises:
        JoinError: for an unknown form, or a module that imports itself by way of others.
    """
    done: dict[str, str] = {}
    _add(entry.parent, entry.name, done, ())
    return "".join(done.values())


def _add(folder: Path, path: str, done: dict[str, str], above: tuple[str, ...]) -> None:
    """Add the module at *path* after those that it imports; those *above* wait for it."""
    if path in above:
        raise JoinError(f"{path} imports itself")
    source = (folder / path).read_text(encoding="utf-8")
    for _, imported in IMPORT.findall(source):
        there = _place(path, imported)
        if there not in done:
            _add(folder, there, done, (*above, path))
    done[path] = _as_function(path, source)


def _as_function(path: str, source: str) -> str:
    def take(found: re.Match[str]) -> str:
        names = RENAMED.sub(r"\1: \2", found[1] or "")
        return f"const {{{names}}} = {_name(_place(path, found[2]))};" if names else ""

    lists = (RENAMED.sub(r"\2: \1", names) for names in LISTED.findall(source))
    exports = ", ".join([*DECLARED.findall(source), *lists])
    body = LISTED.sub("", DECLARED.sub("", IMPORT.sub(take, source)))
    if refused := REFUSED.search(body):
        raise JoinError(f"{path}: {refused[0]}")
    return f"const {_name(path)} = (() => {{\n{body}\nreturn {{ {exports} }};\n}})();\n"


def _place(path: str, imported: str) -> str:
    """Return where a module is that the one at *path* imports."""
    return str(PurePosixPath(path).parent / imported)


def _name(path: str) -> str:
    return re.sub(r"\W", "_", path)
