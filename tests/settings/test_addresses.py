"""Which addresses are used in the end."""

from pathlib import Path

import msgspec
import pytest

from settings import (
    Settings,
    callback_url,
    needs_sandbox,
    needs_store,
    sandbox_account,
    with_addresses,
    with_overrides,
)

SOCKET = Path("data/valkey.sock")


def settings(**sections: dict[str, object]) -> Settings:
    """Return settings that differ from the defaults in *sections*."""
    return msgspec.convert(sections, Settings)


@pytest.mark.parametrize(
    ("host", "port", "url"),
    [
        (None, None, "http://127.0.0.1:8888"),
        (None, 9000, "http://127.0.0.1:9000"),
        ("0.0.0.0", 9000, "http://127.0.0.1:9000"),
        ("::1", 9000, "http://[::1]:9000"),
    ],
)
def test_public_url_left_at_its_default_follows_host_and_port(host, port, url):
    """
    `--port 9000` alone is enough to try a second server.
    """
    moved = with_overrides(Settings(), host, port)

    assert url == moved.server.public_url


def test_public_url_that_was_given_stays():
    """
    Behind a proxy the port says nothing about the address that browsers see.
    """
    given = settings(server={"public_url": "https://login.example.com"})

    assert "https://login.example.com" == with_overrides(given, None, 9000).server.public_url


def test_embedded_store_and_sandbox_get_real_addresses():
    """
    `embedded` and `sandbox` are words for addresses on this machine.
    """
    used = with_addresses(Settings(), SOCKET)

    assert needs_store(Settings())
    assert needs_sandbox(Settings())
    assert f"unix://{SOCKET}" == used.redis.url
    assert "http://127.0.0.1:8889" == used.wechat.api_base_url
    assert "http://127.0.0.1:8889" == used.wechat.mp_base_url
    assert "http://127.0.0.1:8889" == used.wechat.open_base_url


def test_sandbox_that_runs_elsewhere_is_used_and_not_started():
    """
    Another address in mode sandbox means a sandbox that is there already.
    """
    given = settings(wechat={"api_base_url": "http://127.0.0.1:7000"})

    assert not needs_sandbox(given)
    assert "http://127.0.0.1:7000" == with_addresses(given, SOCKET).wechat.mp_base_url


def test_callback_reaches_a_server_that_listens_everywhere():
    """
    The sandbox pushes to this machine, whatever the listening address is.
    """
    given = settings(server={"host": "0.0.0.0", "port": 9000})

    assert "http://127.0.0.1:9000/wechat" == callback_url(given)


def test_sandbox_knows_the_apps_and_the_domain_of_the_site():
    """
    The demo has a website app too, and web login leads back to where browsers see the site.
    """
    used = with_addresses(settings(server={"public_url": "http://localhost:8888"}), SOCKET)
    account = sandbox_account(used)

    assert used.wechat.open_appid
    assert used.wechat.open_secret == account["SANDBOX_OPEN_SECRET"]
    assert used.wechat.open_appid == account["SANDBOX_OPEN_APPID"]
    assert "localhost" == account["SANDBOX_WEB_DOMAIN"]


def test_official_mode_gets_no_app_of_the_sandbox():
    """
    What is for the demo is nowhere else.
    """
    used = with_addresses(settings(wechat={"mode": "official"}), SOCKET)

    assert "" == used.wechat.open_appid == used.wechat.open_secret
    assert "https://open.weixin.qq.com" == used.wechat.open_base_url
