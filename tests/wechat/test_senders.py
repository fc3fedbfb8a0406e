"""Whom pushes are taken from: WeChat's own addresses, kept when they cannot be had anew."""

import asyncio
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Any

import pytest

from sandbox import Sandbox
from store import Store
from tests.wechat.calls import client_of
from wechat import Senders, WeChatUnavailable

CALLBACK = "/cgi-bin/getcallbackip"
OWN = (ip_network("10.0.0.0/8"),)


class Addresses:
    """Answers what it is told to, or fails."""

    def __init__(self, *texts: str) -> None:
        self.texts: list[str] | None = list(texts)

    async def __call__(self) -> list[str]:
        """Return the texts."""
        if self.texts is None:
            raise WeChatUnavailable(CALLBACK, "none", "in a test")
        return self.texts


def test_senders_without_a_wish_are_anybody():
    """
    Where nothing is configured signatures alone decide.
    """
    assert Senders().networks is None


async def test_senders_of_the_operator_are_known_at_once():
    """
    Networks of the operator's own need no WeChat.
    """
    async with Senders(OWN) as senders:
        assert OWN == senders.networks
        assert await senders.refresh()


async def test_client_returns_the_addresses_that_wechat_names(store: Store, platform: Sandbox):
    """
    The platform's list comes as it is written there.
    """
    async with client_of(store, platform.base_url) as client:
        assert ["127.0.0.1", "::1/128"] == await client.callback_addresses()


async def test_senders_are_anybody_until_wechat_has_named_its_addresses(
    store: Store, platform: Sandbox
):
    """
    A list that is not known yet keeps nobody out, the operator's networks or not.
    """
    async with client_of(store, platform.base_url) as client:
        senders = Senders(OWN, client.callback_addresses)
        before = senders.networks
        refreshed = await senders.refresh()

    assert before is None
    assert refreshed
    assert (*OWN, IPv4Network("127.0.0.1/32"), IPv6Network("::1/128")) == senders.networks


async def test_senders_are_asked_for_by_a_task_of_their_own():
    """
    Who opens them need not wait for WeChat; who closes them leaves nothing running.
    """
    asked, answer = asyncio.Event(), asyncio.Event()

    async def ask() -> list[str]:
        asked.set()
        await answer.wait()
        return ["127.0.0.1"]

    before = asyncio.all_tasks()
    async with Senders((), ask) as senders:
        await asked.wait()
        during = asyncio.all_tasks() - before

    assert 1 == len(during)
    assert before == asyncio.all_tasks()
    assert senders.networks is None


async def test_refresh_keeps_the_last_good_list():
    """
    An outage, an empty list and a list of junk change nothing.
    """
    addresses = Addresses("192.0.2.0/24")
    senders = Senders((), addresses)
    refreshed = [await senders.refresh()]

    for texts in (None, [], ["", "junk", "300.1.1.1", "192.0.2.0/33"]):
        addresses.texts = texts
        refreshed.append(await senders.refresh())

    assert [True, False, False, False] == refreshed
    assert (ip_network("192.0.2.0/24"),) == senders.networks


async def test_refresh_replaces_the_list():
    """
    An address that WeChat names no more counts no more.
    """
    addresses = Addresses("192.0.2.1")
    senders = Senders((), addresses)
    await senders.refresh()

    addresses.texts = ["192.0.2.2"]
    await senders.refresh()

    assert (ip_network("192.0.2.2/32"),) == senders.networks


async def test_refresh_passes_junk_over():
    """
    Both kinds of address are read, with and without a width; what is neither is not.
    """
    texts = ["101.226.103.0/25", " 106.55.206.146 ", "2402:4e00::/32", "101.226.103.7/25", "x"]
    senders = Senders((), Addresses(*texts))

    await senders.refresh()

    networks = ("101.226.103.0/25", "106.55.206.146/32", "2402:4e00::/32", "101.226.103.0/25")
    assert tuple(map(ip_network, networks)) == senders.networks


@pytest.mark.parametrize("fault", [{"errcode": 48001}, {"errcode": -1}, {"drop": True}])
async def test_refresh_that_wechat_refuses_is_logged(
    store: Store, platform: Sandbox, caplog: pytest.LogCaptureFixture, fault: dict[str, Any]
):
    """
    Whatever WeChat says, nobody is kept out and the operator reads of it.
    """
    platform.platform.fail(CALLBACK, times=None, **fault)
    async with client_of(store, platform.base_url) as client:
        senders = Senders((), client.callback_addresses)
        refreshed = await senders.refresh()

    assert not refreshed
    assert senders.networks is None
    assert "push addresses not refreshed known=0" in caplog.text
