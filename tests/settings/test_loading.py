"""A file becomes settings, or one line that says what is wrong."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from scene_pool.pool import MAKING_SECONDS
from settings import Settings, SettingsError, WeChatSettings, load
from wechat.transport import TRIES

SHIPPED = Path(__file__).resolve().parents[2] / "config.yaml"


def write(folder: Path, text: str) -> Path:
    """Write a configuration file and return its path."""
    file = folder / "saoma.yaml"
    file.write_text(text, encoding="utf-8")
    return file


def test_load_shipped_file_is_exactly_the_defaults():
    """
    The file that comes with Saoma says what is so without a file.
    """
    loaded = load(SHIPPED, environ={})

    assert Settings() == loaded


def test_shipped_file_names_every_key_and_explains_it():
    """
    Every key stands in the shipped file with a sentence beside it.
    """
    text = SHIPPED.read_text(encoding="utf-8")
    tree: dict[str, dict[str, Any]] = yaml.safe_load(text)

    keys = {section: set(values) for section, values in tree.items()}
    lines = [line for line in text.splitlines() if re.match(r"  [a-z_]+:", line)]

    everything = {
        section: set(getattr(Settings(), section).__struct_fields__)
        for section in Settings.__struct_fields__
    }
    assert everything == keys
    assert [] == [line for line in lines if "  #" not in line and "   #" not in line]


def test_longest_call_ends_before_the_pool_gives_its_scene_id_up(folder: Path):
    """
    A scan may wait for its ticket for as long as WeChat may take to make it, second try included.
    """
    longest = load(write(folder, "wechat: {timeout_seconds: 7}")).wechat.timeout_seconds

    assert TRIES * longest < MAKING_SECONDS


def test_load_empty_file_gives_the_defaults(folder: Path):
    """
    A file names only what differs, so an empty one is fine.
    """
    assert Settings() == load(write(folder, ""))


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("pool: {size: many}", "pool.size: expected int, found many (str)"),
        ('pool: {size: "9"}', "pool.size: expected int, found 9 (str)"),
        ("pool: {size: 0}", "pool.size: expected int >= 1, found 0 (int)"),
        ("pool: {size: 1.5}", "pool.size: expected int, found 1.5 (float)"),
        ("server: {port: 0}", "server.port: expected int >= 1, found 0 (int)"),
        ("server: {port: 70000}", "server.port: expected int <= 65535, found 70000 (int)"),
        (
            "wechat: {timeout_seconds: 8}",
            "wechat.timeout_seconds: expected float <= 7.0, found 8 (int)",
        ),
        ("pool: 3", "pool: expected keys and values, found 3 (int)"),
        ("- a", "expected sections like `server:`, found list"),
        (
            "wechat: {mode: offical}",
            "wechat.mode: expected one of sandbox, official, found offical (str)",
        ),
        (
            "login: {auto_register: yes please}",
            "login.auto_register: expected bool, found yes please (str)",
        ),
        (
            "pool: {ticket_seconds: 180, late_seconds: 30}",
            "pool.rest_seconds: expected 0, or at least ticket_seconds + late_seconds = 210, "
            "found 200 (int)",
        ),
        (
            "pool: {size: 9, ready: 5}",
            "pool.ready: expected at most half of pool.size, found 5 (int)",
        ),
        (
            "pool: {first_scene_id: 4294967295, size: 2}",
            "pool.size: expected a last scene id (first_scene_id + size - 1) of at most "
            "4294967295, found 2 (int)",
        ),
        (
            "server: {public_url: 'login.example.com'}",
            "server.public_url: expected http:// or https:// with a host and nothing after it, "
            "found login.example.com (str)",
        ),
        (
            "server: {trusted_proxies: [10.0.0.0/8, proxy]}",
            "server.trusted_proxies[1]: expected a network like 10.0.0.0/8, found proxy (str)",
        ),
        (
            "wechat: {previous_encoding_aes_key: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa}",
            "wechat.previous_encoding_aes_key: expected empty, or the key before "
            "encoding_aes_key, found a str (not shown)",
        ),
        (
            "wechat: {push_allow: [wechat, 10.0.0.0/8, tencent]}",
            "wechat.push_allow[2]: expected a network like 10.0.0.0/8, or wechat, "
            "found tencent (str)",
        ),
        (
            "wechat: {push_allow: off}",
            "wechat.push_allow: expected a list, like [a, b], or [] "
            "(words like off, no and yes in quotes), found False (bool)",
        ),
        (
            "wechat: {push_allow: wechat}",
            "wechat.push_allow: expected a list, like [a, b], or [], found wechat (str)",
        ),
        (
            "phone: {undo_word: no}",
            "phone.undo_word: expected str (words like off, no and yes in quotes), "
            "found False (bool)",
        ),
        (
            "wechat: {encoding_aes_key: short}",
            "wechat.encoding_aes_key: expected the console's 43 characters A-Z a-z 0-9 + /, "
            "found a str (not shown)",
        ),
        (
            "wechat: {open_appid: wx1}",
            "wechat.open_secret: expected open_appid and open_secret, or neither, "
            "found an empty text",
        ),
        (
            "wechat: {open_secret: hush}",
            "wechat.open_appid: expected open_appid and open_secret, or neither, found  (str)",
        ),
        (
            "wechat: {appid: wx1, open_appid: wx1, open_secret: hush}",
            "wechat.open_appid: expected the website app's own appid, not the service account's, "
            "found wx1 (str)",
        ),
        (
            "wechat: {open_base_url: open.example}",
            "wechat.open_base_url: expected an http:// or https:// address, "
            "found open.example (str)",
        ),
        *(
            (
                f"session: {{cookie_domain: {domain}}}\nserver: {{public_url: '{url}'}}",
                "session.cookie_domain: expected the host of server.public_url, or a parent domain "
                f'of it, or "", found {domain} (str)',
            )
            for domain, url in (
                ("example.org", "https://login.example.com"),
                ("ample.com", "https://login.example.com"),
                ("app.login.example.com", "https://login.example.com"),
                ("com", "https://login.example.com"),
                (".example.com", "https://login.example.com"),
                ("0.0.1", "http://127.0.0.1:8888"),
            )
        ),
        (
            "session: {cookie_domain: example.com, cookie_name: __Host-id}\n"
            "server: {public_url: 'https://login.example.com'}",
            'session.cookie_domain: expected "" beside a cookie_name that begins with __Host-, '
            "found example.com (str)",
        ),
        ("pool: {size: 1, size: 2}", "line 1: expected YAML, found a second key 'size'"),
    ],
)
def test_load_wrong_file_names_path_expectation_and_finding(folder: Path, text: str, line: str):
    """
    What is wrong is said in one line: file, key path, what was expected, what was found.
    """
    file = write(folder, text)

    with pytest.raises(SettingsError) as caught:
        load(file)

    assert f"{file}: {line}" == str(caught.value)


def test_load_unknown_key_lists_the_known_ones(folder: Path):
    """
    A misspelt key is answered with the keys that there are.
    """
    file = write(folder, "session: {idle: 3}")

    with pytest.raises(SettingsError) as caught:
        load(file)

    assert "session.idle" == caught.value.path
    assert "one of idle_seconds, absolute_seconds, per_account, cookie_name, cookie_domain" == (
        caught.value.expected
    )


def test_load_unknown_section_lists_the_known_ones(folder: Path):
    """
    A misspelt section is answered with the sections that there are.
    """
    with pytest.raises(SettingsError) as caught:
        load(write(folder, "wechta: {}"))

    assert "wechta" == caught.value.path
    assert "server, redis, pool, wechat" in caught.value.expected


def test_load_missing_file_says_so(folder: Path):
    """
    A file that is not there is an error of the configuration.
    """
    with pytest.raises(SettingsError, match="a readable file, found No such file"):
        load(folder / "none.yaml")


def test_load_fills_in_the_environment_with_the_type_of_the_key(folder: Path):
    """
    A reference takes the key's type, and its default when the variable is unset or empty.
    """
    file = write(
        folder,
        """
        server: {port: "${PORT:-9000}", allowed_origins: ["https://${NAME}.example"]}
        login: {auto_register: "${AUTO}"}
        wechat: {secret: "${SECRET}", token: "12${TOKEN:-345}"}
        """,
    )

    loaded = load(file, {"NAME": "app", "AUTO": "true", "SECRET": "1234", "TOKEN": ""})

    assert 9000 == loaded.server.port
    assert ("https://app.example",) == loaded.server.allowed_origins
    assert loaded.login.auto_register is True
    assert "1234" == loaded.wechat.secret
    assert "12345" == loaded.wechat.token


def test_load_fills_in_texts_for_the_phone(folder: Path):
    """
    A text is a value like any other; its placeholders are not the environment's.
    """
    file = write(folder, 'phone: {texts: {used: "${WORDS:-Used} at {site}", expired: "old"}}')

    loaded = load(file, {"WORDS": "Gone"})

    assert {"used": "Gone at {site}", "expired": "old"} == loaded.phone.texts


def test_load_missing_variable_is_named(folder: Path):
    """
    A variable without a default must be there.
    """
    with pytest.raises(SettingsError) as caught:
        load(write(folder, 'redis: {url: "${REDIS_URL}"}'), {})

    assert ("redis.url", "REDIS_URL in the environment") == (
        caught.value.path,
        caught.value.expected,
    )


@pytest.mark.parametrize(
    "key",
    [
        *("secret", "token", "encoding_aes_key", "previous_encoding_aes_key"),
        *("proxy_url", "token_url", "token_url_secret", "open_secret"),
    ],
)
def test_load_does_not_show_secrets(folder: Path, key: str):
    """
    The line about a secret that is wrong does not show it.
    """
    file = write(folder, f"wechat: {{{key}: [hush-hush]}}")

    with pytest.raises(SettingsError) as caught:
        load(file)

    assert f"wechat.{key}" == caught.value.path
    assert "hush" not in str(caught.value)


def test_settings_text_does_not_show_secrets():
    """
    Settings can be logged: what may be a secret is masked.
    """
    wechat = WeChatSettings(
        proxy_url="http://u:hush@p:1", token_url="http://x/?key=hush", token_url_secret="hush"
    )
    text = repr(Settings(wechat=wechat))

    assert "hush" not in text
    assert Settings().wechat.secret not in text
    assert Settings().wechat.token not in text
    assert "port=8888" in text


def test_load_official_mode_needs_credentials_of_ones_own(folder: Path):
    """
    The sandbox's credentials are refused before WeChat would refuse them.
    """
    with pytest.raises(SettingsError, match=r"wechat\.appid: expected your account's own appid"):
        load(write(folder, "wechat: {mode: official}"))


def test_load_official_mode_needs_no_secret_with_a_token_server(folder: Path):
    """
    Whoever gets the access token elsewhere need not give us the AppSecret.
    """
    given = "mode: official, appid: wx1, token: a-token, token_url: 'https://central.example/t'"

    assert load(write(folder, f"wechat: {{{given}}}")).wechat.token_url


def test_load_web_login_needs_the_secret_beside_a_token_server(folder: Path):
    """
    The codes of web login are exchanged with the AppSecret, wherever access tokens come from.
    """
    given = (
        "mode: official, appid: wx1, token: a-token, web_login: true, "
        "token_url: 'https://central.example/t'"
    )

    with pytest.raises(SettingsError, match=r"wechat\.secret: expected your account's own secret"):
        load(write(folder, f"wechat: {{{given}}}"))


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("proxy_url: 'proxy:3128'", "proxy_url"),
        ("proxy_url: 'socks5://proxy:1080'", "proxy_url"),
        ("proxy_url: 'http://proxy:99999'", "proxy_url"),
        ("proxy_url: 'http://'", "proxy_url"),
        ("proxy_url: 'http://us er@proxy:1'", "proxy_url"),
        ("token_url: 'central.example/token'", "token_url"),
        ("token_url: 'ftp://central.example/token'", "token_url"),
        ("token_url_secret: hush", "token_url_secret"),
        ('token_url: "http://x", token_url_secret: "hush\\n"', "token_url_secret"),
    ],
)
def test_load_refuses_addresses_that_cannot_be_called(folder: Path, text: str, path: str):
    """
    A proxy or token server that could never be reached stops start-up, without being shown.
    """
    with pytest.raises(SettingsError, match=rf"wechat\.{path}: expected .*not shown") as caught:
        load(write(folder, f"wechat: {{{text}}}"))

    assert "hush" not in str(caught.value)


@pytest.mark.parametrize("prefix", ["__Host-", "__Secure-"])
def test_load_refuses_a_cookie_that_browsers_would_not_keep(folder: Path, prefix: str):
    """
    The prefixes need https; without it nobody could stay signed in.
    """
    with pytest.raises(SettingsError) as caught:
        load(write(folder, f"session: {{cookie_name: {prefix}mine}}"))

    assert "session.cookie_name" == caught.value.path
    load(
        write(
            folder,
            f"server: {{public_url: 'https://a.example'}}\nsession: {{cookie_name: {prefix}mine}}",
        )
    )
