"""Modules that are sent as one file."""

import shutil
import subprocess
from pathlib import Path

import pytest

from handlers.joined import JoinError, join

MODULES = {
    "page.js": """
import { log } from "./log.js";
import { Ring as Line, draw } from "./ring.js";
import "./effect.js";
import {
  one,
  both as two,
} from "./library/some.mjs";

/** @param {import("./ring.js").Ring} ring */
const show = (ring) => log("page", ring.name);
show(new Line());
draw(one, two);
""",
    "log.js": 'export const log = (...words) => console.log(...words);\nlog("log");\n',
    "ring.js": """import { log } from "./log.js";
const hidden = "ring";
export class Ring { name = hidden; }
export async function draw(...what) { log(...what); }
log(hidden);
""",
    "effect.js": 'import { log } from "./log.js";\nconst hidden = "effect";\nlog(hidden);\n',
    "library/some.mjs": 'const a=1,b="b";export{a as one,b as both};\n',
    "package.json": '{"type": "module"}',
}
SAID = "log\nring\neffect\npage ring\n1 b\n"


def written(folder: Path, **files: str) -> Path:
    """Write *files* below *folder*; return the first."""
    paths = [folder / name for name in files]
    for path, text in zip(paths, files.values(), strict=True):
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    return paths[0]


def said_by(script: Path) -> str:
    """Return what a script writes when it runs."""
    command = ["node", str(script)]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


@pytest.mark.skipif(not shutil.which("node"), reason="needs node (tests/install_node)")
def test_joined_modules_do_what_they_do_apart(tmp_path: Path) -> None:
    """
    The same is said in the same order; what modules keep to themselves does not meet.
    """
    page = written(tmp_path, **MODULES)
    joined = tmp_path / "joined.js"
    joined.write_text(join(page))

    assert SAID == said_by(page)
    assert SAID == said_by(joined)


@pytest.mark.parametrize(
    "line",
    [
        'import * as all from "./other.js";',
        'import all from "./other.js";',
        'import { all } from "elsewhere";',
        "export default 1;",
        "export let all = 1;",
        'export { all } from "./other.js";',
        'export * from "./other.js";',
    ],
)
def test_form_that_is_not_known_is_refused(tmp_path: Path, line: str) -> None:
    """
    Nothing is joined that would mean something else then.
    """
    page = written(tmp_path, **{"page.js": f"const one = 1;\n{line}\n", "other.js": ""})

    with pytest.raises(JoinError, match=r"page\.js: (import|export)"):
        join(page)


def test_modules_that_need_each_other_are_refused(tmp_path: Path) -> None:
    """
    Neither could be first.
    """
    one, other = 'import "./other.js";\n', 'import "./page.js";\n'

    with pytest.raises(JoinError, match=r"page\.js imports itself"):
        join(written(tmp_path, **{"page.js": one, "other.js": other}))
