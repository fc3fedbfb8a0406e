"""`server.py` as a process: up, and down in good order with nothing left behind."""

import asyncio
import os
import signal
import socket
from pathlib import Path

from sandbox import Sandbox
from tests.commands.conftest import Saoma, Sections
from tests.commands.program import SERVER, free_port, run, serve, start, until, write_settings
from tests.site import OPENID, PASSWORD, Visitor


def assert_said_once(err: str, *parts: str) -> None:
    """Fail unless standard error is one line of the server, with all *parts* in it."""
    lines = [line for line in err.splitlines() if line.startswith("saoma: ")]
    assert 1 == len(lines), err
    assert "Traceback" not in err
    for part in parts:
        assert part in lines[0]


async def add_account(saoma: Saoma, config: Path) -> None:
    """Make alice's account."""
    command = ("accounts", "add", "alice", "--password-stdin", "--config", str(config))
    ended = await asyncio.to_thread(saoma, *command, given=f"{PASSWORD}\n")
    assert 0 == ended.code


async def test_server_brings_everything_and_takes_it_away(alone: Sections, folder: Path) -> None:
    """
    Store, sandbox and server come up; SIGTERM sends pages away with 1012 and ends all, code 0.
    """
    write_settings(folder, **alone)

    async with serve(folder) as server, Visitor(server.base_url) as visitor:
        page = await visitor.open_page()
        code = await page.get_qr()
        phone = f"http://127.0.0.1:{alone['sandbox']['port']}/phone/scan"
        async with visitor.http.post(phone, json={"ticket": code["ticket"]}) as response:
            scanned = await response.json()
        bind = await page.expect("bind_required")
        running = server.processes()
        ended, closed = await asyncio.gather(server.stop(), page.closed())

        assert scanned["delivered"]
        assert bind["bind_token"]
        assert 3 == len(running)
        assert 1012 == closed
        assert 0 == ended
        assert {} == server.processes()


async def test_demo_prints_addresses_and_account(alone: Sections, folder: Path) -> None:
    """
    `--demo` says where to click, and the account that it prints can sign in; Ctrl-C ends all.
    """
    write_settings(folder, **alone)

    async with serve(folder, "--demo") as server, Visitor(server.base_url) as visitor:
        await until(lambda: any("Ctrl-C" in line for line in server.out), "the welcome")
        text = "\n".join(server.out)
        username, _, password = (
            next(line for line in server.out if "demo account" in line)
            .partition("account")[2]
            .split()
        )
        status, _ = await visitor.post("/login", username=username, password=password)

        assert server.base_url in text
        assert f"http://127.0.0.1:{alone['sandbox']['port']}/phone" in text
        assert 200 == status
        assert 0 == await server.stop(signal.SIGINT)
        assert {} == server.processes()


async def test_embedded_store_keeps_sessions_over_ends_of_every_kind(
    alone: Sections, folder: Path, saoma: Saoma
) -> None:
    """
    Who was signed in still is after a restart, and after a SIGKILL with a start at once.

    A supervisor finds no obstacle in what is left, and that ends by itself.
    """
    config = write_settings(folder, **alone)
    await add_account(saoma, config)
    port = free_port()

    async with Visitor(f"http://127.0.0.1:{port}") as visitor:
        async with serve(folder, port=port) as server:
            await visitor.post("/login", username="alice", password=PASSWORD)
            await server.stop()
        async with serve(folder, port=port) as server:
            restarted = await visitor.request("GET", "/session")
            await server.stop(signal.SIGKILL)
            alone["sandbox"]["port"] = free_port()
            write_settings(folder, **alone)
            async with serve(folder, port=port) as successor:
                killed, _ = await visitor.request("GET", "/session")
                await successor.stop(signal.SIGKILL)
                await until(lambda: not successor.processes(), "the end of its children")

    assert (200, {"username": "alice", "wechat_bound": False}) == restarted
    assert 200 == killed


async def test_taken_port_is_said_in_one_line(alone: Sections, folder: Path) -> None:
    """
    When somebody listens on the port already, nothing is started; exit code 1.
    """
    write_settings(folder, **alone)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])

        ended = await run(*SERVER, "--port", port, folder=folder)

    assert 1 == ended.code
    assert_said_once(ended.err, port)
    assert not (folder / "data").exists()


async def test_taken_sandbox_port_is_said_in_one_line(alone: Sections, folder: Path) -> None:
    """
    A port that the sandbox needs and cannot have is named with its key.
    """
    with socket.create_server(("127.0.0.1", 0)) as taken:
        alone["sandbox"]["port"] = taken.getsockname()[1]
        write_settings(folder, **alone)

        ended = await run(*SERVER, "--port", str(free_port()), folder=folder)

    assert 1 == ended.code
    assert_said_once(ended.err, "sandbox.port", str(alone["sandbox"]["port"]))


async def test_second_server_on_the_same_data_is_said_in_one_line(
    alone: Sections, folder: Path
) -> None:
    """
    Two servers do not share one embedded store; the first is not disturbed.
    """
    write_settings(folder, **alone)

    async with serve(folder) as server, Visitor(server.base_url) as visitor:
        ended = await run(*SERVER, "--port", str(free_port()), folder=folder)
        status, _ = await visitor.request("GET", "/readyz")

    assert 1 == ended.code
    assert_said_once(ended.err, "data", "in use")
    assert 200 == status


async def test_data_that_cannot_be_written_is_said_in_one_line(
    alone: Sections, folder: Path
) -> None:
    """
    A data folder that cannot be made is named; exit code 1.
    """
    (folder / "file").touch()
    alone["redis"]["data_dir"] = f"{folder}/file/data"
    write_settings(folder, **alone)

    ended = await run(*SERVER, "--port", str(free_port()), folder=folder)

    assert 1 == ended.code
    assert_said_once(ended.err, f"{folder}/file/data")


async def test_address_that_is_not_ours_is_said_in_one_line(quick: Sections, folder: Path) -> None:
    """
    An address of another machine cannot be listened on.
    """
    write_settings(folder, **quick)

    ended = await run(*SERVER, "--host", "192.0.2.1", "--port", str(free_port()), folder=folder)

    assert 1 == ended.code
    assert_said_once(ended.err, "192.0.2.1")


async def test_signal_during_the_start_ends_in_good_order(alone: Sections, folder: Path) -> None:
    """
    Who changes their mind while everything starts gets exit code 0 and no processes left.
    """
    write_settings(folder, **alone)

    async with start(folder) as server:
        await until(lambda: bool(server.children("valkey")), "the store")
        ended = await server.stop()

        assert 0 == ended
        assert {} == server.processes()


async def test_store_being_away_at_the_start_is_no_obstacle(quick: Sections, folder: Path) -> None:
    """
    Without its store the server runs, says what is missing, and ends in good order.
    """
    quick["redis"]["url"] = f"redis://127.0.0.1:{free_port()}"
    write_settings(folder, **quick)

    async with start(folder) as server, Visitor(server.base_url) as visitor:
        await server.logged("serving url=")
        alive, _ = await visitor.request("GET", "/healthz")
        ready, told = await visitor.request("GET", "/readyz")

        assert 200 == alive
        assert 503 == ready
        assert ("ok", True) == (told["accounts"], told["redis"] != "ok")
        assert 0 == await server.stop()


async def test_request_in_hand_is_finished(quick: Sections, folder: Path, sandbox: Sandbox) -> None:
    """
    What was asked before the signal is answered before the end.
    """
    write_settings(folder, **quick)
    sandbox.platform.fail("/cgi-bin/stable_token", delay=0.5)

    async with start(folder) as server, Visitor(server.base_url) as visitor:
        await server.logged("serving url=")
        asked = asyncio.create_task(visitor.request("GET", "/readyz"))
        await until(lambda: not list(sandbox.platform.faults), "the call to WeChat")
        ended = await server.stop()
        status, answer = await asked

    assert 0 == ended
    assert status in {200, 503}
    assert "ok" == answer["redis"]


async def test_log_of_a_whole_story_tells_no_secret(
    quick: Sections, folder: Path, sandbox: Sandbox, saoma: Saoma
) -> None:
    """
    At level debug the real log has one line an event, and neither openid nor secret in it.
    """
    scene = 3_987_654_321
    quick |= {"log": {"level": "debug"}, "pool": {"first_scene_id": scene}}
    config = write_settings(folder, **quick)
    await add_account(saoma, config)

    async with serve(folder) as server, Visitor(server.base_url) as visitor:
        sandbox.pusher.callbacks = [f"{server.base_url}/wechat"]
        page = await visitor.open_page()
        code = await page.get_qr()
        await sandbox.phone.scan(ticket=code["ticket"], openid=OPENID)
        token = (await page.expect("bind_required"))["bind_token"]
        for password in ("a wrong one", PASSWORD):
            await visitor.post("/user/bind", bind_token=token, username="alice", password=password)
        session, browser = visitor.cookie("saoma_session"), visitor.cookie("saoma_browser")
        await visitor.request("DELETE", "/session")
        await asyncio.gather(server.stop(), page.closed())

    log = "\n".join(server.log)
    secrets = {
        "openid": OPENID,
        "password": PASSWORD,
        "token": token,
        "resume": code["resume"].partition(".")[2],
        "session": session or "none",
        "browser": browser or "none",
        "access token": sandbox.platform.tokens.stable().value,
        "appsecret": sandbox.account.secret,
        "push token": sandbox.account.token,
        "scene": str(scene)[:-1],
    }
    assert "scan outcome=bind_required" in log
    assert "POST /user/bind status=200" in log
    assert [] == [name for name, value in secrets.items() if value in log]
    assert all(line[:4].isdigit() for line in server.log)


# ---- settings that change while it runs


async def test_hang_up_changes_the_pool_at_once(quick: Sections, folder: Path) -> None:
    """
    SIGHUP makes the pool larger under an open page, and names what needs a restart.

    A file that cannot be used is reported before, and changes nothing.
    """
    write_settings(folder, **quick, pool={"size": 1})

    async with serve(folder) as server, Visitor(server.base_url) as visitor:
        first, second = await visitor.open_page(), await visitor.open_page()
        await first.get_qr()
        write_settings(folder, **quick, pool={"size": "many"}, login={"auto_register": True})
        server.hang_up()
        told = await server.logged("pool.size")
        await second.send("get_qr")
        before = await second.expect("error")
        write_settings(
            folder, **quick, pool={"size": 2}, server={"drain_seconds": 7}, log={"level": "debug"}
        )
        server.hang_up()
        changed = await server.logged("changed=")
        restart = await server.logged("restart")
        after = await second.get_qr()

        assert "config.yaml" in told[0]
        assert "many" in told[0]
        assert "pool_exhausted" == before["code"]
        assert "pool.size" in changed[0]
        assert "login.auto_register" not in changed[0]
        assert after["ticket"]
        assert 1 == len(restart)
        assert "server.drain_seconds" in restart[0]


async def test_hang_up_changes_the_login_at_once(
    quick: Sections, folder: Path, sandbox: Sandbox
) -> None:
    """
    A page that is open obeys the new rules: when it pauses, and with its next scan.
    """
    soon = {"ticket_seconds": 1}
    write_settings(folder, **quick, pool=soon)

    async with serve(folder) as server, Visitor(server.base_url) as visitor:
        sandbox.pusher.callbacks = [f"{server.base_url}/wechat"]
        page = await visitor.open_page()
        await page.get_qr()
        before = await page.expect("expired")
        write_settings(folder, **quick, pool=soon, login={"refreshes": 0})
        server.hang_up()
        await server.logged("changed=login.refreshes")
        await page.get_qr()
        after = await page.expect("expired")
        write_settings(folder, **quick, login={"refreshes": 0, "confirmation": "number"})
        server.hang_up()
        await server.logged("login.confirmation")
        code = await page.get_qr()
        await sandbox.phone.scan(ticket=code["ticket"], openid=OPENID)

        assert [{}, {"pause": "idle"}] == [before, after]
        assert 3 == len((await page.expect("scanned"))["choices"])


async def test_hang_up_changes_the_budget_of_all_processes_at_once(
    quick: Sections, folder: Path
) -> None:
    """
    Codes are counted over all processes, any of which tells the figure; SIGHUP, which every
    process hears, allows more. No process outlives the one that watches them.
    """
    wechat, server_ = quick["wechat"] | {"daily_codes": 2}, {"processes": 2}
    write_settings(folder, **quick | {"wechat": wechat, "server": server_})

    async with serve(folder) as server, Visitor(server.base_url) as visitor:
        await server.logged("serving url=", times=2)
        pages = [await visitor.open_page() for _ in range(3)]
        for page in pages[:2]:
            await page.get_qr()
        await pages[2].send("get_qr")
        before = await pages[2].expect("error")
        wechat["daily_codes"] = 3
        write_settings(folder, **quick | {"wechat": wechat, "server": server_})
        server.hang_up()
        await server.logged("changed=wechat.daily_codes", times=2)
        await pages[2].get_qr()
        figures = []
        for _ in range(4):
            async with Visitor(server.base_url) as other, other.http.get("/metrics") as response:
                figures.append(await response.text())

        assert "quota_exhausted" == before["code"]
        for text in figures:
            assert "\nsaoma_codes_today 3.0\n" in text
            assert "\nsaoma_codes_daily_limit 3.0\n" in text
        assert not [line for line in server.log if "restart" in line]
        await asyncio.gather(server.stop(signal.SIGKILL), *(page.closed() for page in pages))
        await until(lambda: not server.processes(), "the end of the workers")


# ---- several processes


async def test_two_processes_serve_one_port_and_one_is_replaced(
    quick: Sections, folder: Path, sandbox: Sandbox
) -> None:
    """
    Pages of both workers get their own results; a worker that is killed has a successor.
    SIGTERM reaches the pages of both.
    """
    write_settings(folder, **quick, server={"processes": 2})

    async with serve(folder) as server, Visitor(server.base_url) as visitor:
        await until(lambda: 2 == len(server.children("--worker")), "the workers")
        await server.logged("serving url=", times=2)
        sandbox.pusher.callbacks = [f"{server.base_url}/wechat"]
        pages = [await visitor.open_page() for _ in range(8)]
        codes = await asyncio.gather(*(page.get_qr() for page in pages))
        openids = [f"oMany00000000000000000user{number}" for number in range(8)]
        await asyncio.gather(
            *(
                sandbox.phone.scan(ticket=code["ticket"], openid=openid)
                for code, openid in zip(codes, openids, strict=True)
            )
        )
        tokens = {(await page.expect("bind_required"))["bind_token"] for page in pages}
        async with visitor.http.get("/metrics") as response:
            figures = await response.text()

        assert 8 == len(tokens)
        assert "\nsaoma_sockets_open 8.0\n" in figures
        assert '\nsaoma_scans_total{outcome="bind_required"} 8.0\n' in figures

        killed, spared = server.children("--worker")
        os.kill(killed, signal.SIGKILL)
        await server.logged("serving url=", times=3)
        workers = server.children("--worker")

        assert 2 == len(workers)
        assert spared in workers
        assert killed not in workers
        pages = [await visitor.open_page() for _ in range(6)]
        ended, *closed = await asyncio.gather(server.stop(), *(page.closed() for page in pages))
        assert 0 == ended
        assert [1012] * 6 == closed
        assert {} == server.processes()


async def test_taken_port_is_said_once_with_several_processes(
    quick: Sections, folder: Path
) -> None:
    """
    With workers too a taken port is found before anything starts.
    """
    write_settings(folder, **quick, server={"processes": 2})
    with socket.create_server(("127.0.0.1", 0)) as taken:
        ended = await run(*SERVER, "--port", str(taken.getsockname()[1]), folder=folder)

    assert 1 == ended.code
    assert_said_once(ended.err, "cannot listen")
