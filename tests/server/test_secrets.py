"""What must never be seen: openids, scene ids, the access token, the secret, passwords."""

import logging
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from serving import set_up_logging
from tests.server.conftest import StartSite
from tests.server.pushing import push, scan, scan_xml
from tests.server.web import DESK, INSIDE, WEBSITE, query_of, way_back
from tests.site import OPENID, OTHER_OPENID, PASSWORD, Page, Site, Visitor

SCENE = 3_987_654_321


@dataclass
class Recorder:
    """A visitor whose every frame and answer is kept."""

    visitor: Visitor
    seen: list[str] = field(default_factory=list)

    async def request(self, method: str, path: str, **options: Any) -> Any:
        """Make a request; return the JSON of its answer, if it is any."""
        response = await self.visitor.fetch(method, path, **options)
        self.seen += [str(response.url), *(f"{k}: {v}" for k, v in response.headers.items())]
        self.seen.append(await response.text())
        return await response.json() if "json" in response.content_type else None

    async def receive(self, page: Page) -> dict[str, Any]:
        """Return the data of the page's next message."""
        message = await page.receive()
        self.seen.append(str(message))
        data: dict[str, Any] = message["data"]
        return data


async def tell_the_whole_story(site: Site, recorder: Recorder) -> None:
    """Bind, sign in, be refused, err and get lost, as one visitor."""
    visitor = recorder.visitor
    await site.add_account("alice")
    page = await visitor.open_page()
    for path in ("/", "/user", "/nothing", "/session", "/readyz", "/healthz", "/metrics"):
        await recorder.request("GET", path)
    await page.send("get_qr")
    code = await recorder.receive(page)
    await scan(site, code)
    bind = await recorder.receive(page)
    await scan(site, code, openid=OTHER_OPENID)
    await scan(site, code, event_key="1")
    await push(site, scan_xml(site, code).replace("FromUserName", "Other"))
    await push(site, scan_xml(site, code), at=1)
    for password in ("wrong", PASSWORD):
        body = {"bind_token": bind["bind_token"], "username": "alice", "password": password}
        await recorder.request("POST", "/user/bind", json=body)
    await recorder.request("GET", "/user")
    await recorder.request("DELETE", "/session")
    page = await visitor.open_page()
    await page.send("get_qr")
    code = await recorder.receive(page)
    page.cut()
    await site.sandbox.phone.scan(ticket=code["ticket"], openid=OPENID)
    page = await visitor.open_page()
    await page.send("get_qr", resume=code["resume"])
    login = await recorder.receive(page)
    for _ in range(2):
        await recorder.request("POST", "/session", json={"code": login["code"]})
    await recorder.request("POST", "/user/unbind", json={"password": "wrong"})
    site.sandbox.platform.fail("/cgi-bin/qrcode/create", drop=True, times=2)
    site.sandbox.platform.fail("/cgi-bin/qrcode/create", errcode=45009)
    page = await visitor.open_page()
    for _ in range(3):
        await page.send("get_qr")
        await recorder.receive(page)
    await page.socket.send_str(f"no message, {PASSWORD}")
    await recorder.receive(page)


@pytest.fixture
def debug_log(caplog: pytest.LogCaptureFixture) -> Iterator[pytest.LogCaptureFixture]:
    """The log as the server writes it at level debug, taken down."""
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    set_up_logging("debug")
    root.handlers += handlers
    yield caplog
    root.handlers[:] = handlers
    root.setLevel(level)


async def test_secrets_are_in_no_frame_page_header_or_log_line(
    start_site: StartSite, debug_log: pytest.LogCaptureFixture
) -> None:
    """
    A whole story at the most talkative log level tells nothing that it should not.
    """
    site = await start_site(pool={"first_scene_id": SCENE, "size": 10})
    recorder = Recorder(site.visitor())

    await tell_the_whole_story(site, recorder)

    told = "\n".join(recorder.seen)
    logged = "\n".join(
        record.getMessage() for record in debug_log.records if not of_the_sandbox(record)
    )
    wechat = site.settings.wechat
    never = {
        "openid": OPENID,
        "other openid": OTHER_OPENID,
        "access token": site.sandbox.platform.tokens.stable().value,
        "secret": wechat.secret,
        "token": wechat.token,
        "scene": str(SCENE)[:-1],
        "password": PASSWORD,
    }
    assert len(recorder.seen) > 100
    assert "scan outcome=success" in logged
    assert "POST /user/bind status=200" in logged
    assert [] == [name for name, value in never.items() if value in told]
    assert [] == [name for name, value in never.items() if value in logged]
    assert [] == [name for name, value in of_browser(recorder).items() if value in logged]


def of_the_sandbox(record: logging.LogRecord) -> bool:
    """Tell whether the virtual phone wrote this line, which is no part of the server."""
    return record.name.startswith("sandbox")


def of_browser(recorder: Recorder) -> dict[str, str]:
    """Return the browser's own secrets, which are no news to it but may not be logged."""
    names = ("saoma_browser", "saoma_session")
    return {name: recorder.visitor.cookie(name) or "" for name in names}


async def test_web_login_tells_no_secret(
    start_site: StartSite, debug_log: pytest.LogCaptureFixture
) -> None:
    """
    Neither the state, the code, the secrets nor the ids of a web login are logged or shown.
    """
    site = await start_site(wechat=WEBSITE)
    await site.add_account("alice")
    recorder, ways = Recorder(site.visitor()), []
    for agent, fault in (
        (INSIDE, {}),
        (DESK, {}),
        (INSIDE, {"drop": True}),
        (DESK, {"errcode": 1}),
    ):
        ways.append(await way_back(site, recorder.visitor, agent))
        if fault:
            site.sandbox.platform.fail("/sns/oauth2/access_token", times=2, **fault)
        for path in (ways[-1], ways[-1], "/"):
            await recorder.request("GET", path, headers={"User-Agent": agent})
    user = site.sandbox.platform.users.get(OPENID)
    web, wechat = site.sandbox.platform.oauth, site.settings.wechat

    shown = "\n".join(line for line in recorder.seen if not line.startswith(site.base_url))
    logged = "\n".join(
        record.getMessage() for record in debug_log.records if not of_the_sandbox(record)
    )
    never = {
        "openid": OPENID,
        "openid of the website app": web.openid_of(user, wechat.open_appid),
        "unionid": web.unionid_of(user),
        "secret": wechat.secret,
        "secret of the website app": wechat.open_secret,
        **{f"state {place}": query_of(way)["state"] for place, way in enumerate(ways)},
        **{f"code {place}": query_of(way)["code"] for place, way in enumerate(ways)},
    }
    assert "web login outcome=bind_required" in logged
    assert "web login failed" in logged
    assert [] == [name for name, value in never.items() if value in shown]
    assert [] == [name for name, value in never.items() if value in logged]


async def test_log_has_one_line_for_each_event(
    site: Site, debug_log: pytest.LogCaptureFixture
) -> None:
    """
    What visitors and WeChat send cannot begin a line of the log, nor colour it.
    """
    attack = "a\r\nERROR forged\x1b[31m\u2028"
    visitor = site.visitor()
    page = await visitor.open_page()

    await visitor.post("/login", username=attack, password=attack)
    await visitor.fetch("GET", "/x%0d%0aERROR%20forged%1b%5b31m")
    await push(site, scan_xml(site, await page.get_qr(), event=attack))
    await page.socket.send_str(attack)
    await page.expect("error")

    for record in debug_log.records:
        line = record.getMessage()
        assert 1 == len(line.splitlines())
        assert "\x1b" not in line
