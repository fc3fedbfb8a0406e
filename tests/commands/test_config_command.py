"""`saoma config check`, and what every command says of a wrong file or wrong arguments."""

from pathlib import Path

import pytest

from server import HERE
from tests.commands.conftest import Saoma
from tests.commands.program import SERVER, run

WRONG = [
    ("server: {port: many}", "server.port", "int", "many"),
    ("server: {port: 70000}", "server.port", "65535", "70000"),
    ("server: {prot: 1}", "server.prot", "port", "unknown"),
    ("servre: {port: 1}", "servre", "server", "unknown"),
    ("pool: {size: 0}", "pool.size", "1", "0"),
    ("pool: {rest_seconds: 10}", "pool.rest_seconds", "195", "10"),
    ("login: {confirmation: maybe}", "login.confirmation", "number", "maybe"),
    ("wechat: {mode: play}", "wechat.mode", "official", "play"),
    ("phone: {texts: {used: 'hello {nobody}'}}", "phone.texts.used", "{site}", "{nobody}"),
    ("phone: {city_database: no.mmdb}", "phone.city_database", ".mmdb", "no.mmdb"),
    ("metrics: {allow: [everybody]}", "metrics.allow[0]", "network", "everybody"),
    ("wechat: {secret: '${NOWHERE_TO_BE_FOUND}'}", "wechat.secret", "NOWHERE", "nothing"),
    ("wechat: {encoding_aes_key: short-secret}", "wechat.encoding_aes_key", "", ""),
    ("server: [1]", "server", "keys", "1"),
    ("pool: {size: 1, size: 2}", "line 1", "YAML", "second key"),
    (": : :", "line 1", "YAML", ""),
]


def assert_one_line(text: str, *parts: str) -> None:
    """Fail unless *text* is one line with all *parts* in it."""
    assert 1 == len(text.splitlines()), text
    for part in parts:
        assert part in text


def test_config_that_comes_along_is_fine(saoma: Saoma) -> None:
    """
    The `config.yaml` of the repository passes the check.
    """
    checked = saoma("config", "check", "--config", str(HERE / "config.yaml"))

    assert (0, "") == (checked.code, checked.err)
    assert_one_line(checked.out, "config.yaml")


@pytest.mark.parametrize(("text", "path", "expected", "found"), WRONG)
def test_config_check_names_file_key_expectation_and_finding(
    saoma: Saoma, folder: Path, text: str, path: str, expected: str, found: str
) -> None:
    """
    One line says which file, which key, what belongs there and what is there; exit code 2.
    """
    file = folder / "site.yaml"
    file.write_text(text)

    checked = saoma("config", "check", "--config", str(file))

    assert (2, "") == (checked.code, checked.out)
    assert_one_line(checked.err, str(file), path, "expected", expected, "found", found)
    assert "short-secret" not in checked.err


@pytest.mark.parametrize(
    "command", [("serve",), ("accounts", "list"), ("accounts", "add", "x"), ("config", "check")]
)
def test_every_command_ends_with_2_at_a_wrong_file(saoma: Saoma, command: tuple[str, ...]) -> None:
    """
    A file that is not there is said in one line by all commands.
    """
    ended = saoma(*command, "--config", "nothing.yaml")

    assert (2, "") == (ended.code, ended.out)
    assert_one_line(ended.err, "nothing.yaml", "expected", "found")


@pytest.mark.parametrize(
    "arguments",
    [
        "",
        "dance",
        "serve --unheard-of",
        "serve --port many",
        "serve --port 0",
        "serve --port 70000",
        "serve --port",
        "accounts",
        "accounts add",
        "accounts import",
        "config",
        "config check --config",
    ],
)
def test_wrong_arguments_end_with_2(saoma: Saoma, arguments: str) -> None:
    """
    Arguments that are not understood are said in one line.
    """
    ended = saoma(*arguments.split())

    assert (2, "") == (ended.code, ended.out)
    assert_one_line(ended.err)


@pytest.mark.parametrize("arguments", ["--config nothing.yaml", "--port many"])
async def test_server_says_the_same(folder: Path, arguments: str) -> None:
    """
    `server.py` ends in the same way.
    """
    ended = await run(*SERVER, *arguments.split(), folder=folder)

    assert (2, "") == (ended.code, ended.out)
    assert_one_line(ended.err, "expected")


def test_environment_is_filled_in(
    saoma: Saoma, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    `${NAME}` is taken from the environment, so secrets stay out of the file.
    """
    file = folder / "site.yaml"
    file.write_text("server: {port: '${SITE_PORT}', host: '${SITE_HOST:-::1}'}")

    ends = []
    for port in ("80", "http"):
        monkeypatch.setenv("SITE_PORT", port)
        ends.append(saoma("config", "check", "--config", str(file)))

    assert [0, 2] == [ended.code for ended in ends]
    assert_one_line(ends[1].err, "server.port", "http")
