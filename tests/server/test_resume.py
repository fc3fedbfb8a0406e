"""Coming back to an attempt after a lost socket, on any node, in this browser only."""

import pytest

from tests.faults.scans import attended
from tests.server.conftest import StartSite
from tests.server.pushing import scan
from tests.site import OPENID, OTHER_OPENID, Site
from tests.time_machine import TimeMachine

pytestmark = pytest.mark.usefixtures("each_way")
Nodes = tuple[Site, Site]


async def test_page_that_lost_its_socket_gets_the_same_code(site: Site) -> None:
    """
    After a lost connection the same code is shown again, with the seconds left.
    """
    visitor = site.visitor()
    lost = await visitor.open_page()
    code = await lost.get_qr()

    lost.cut()
    page = await visitor.open_page()
    again = await page.get_qr(resume=code["resume"])

    assert code | {"expires": again["expires"]} == again
    assert 0 < again["expires"] <= code["expires"]


async def test_page_that_closed_its_socket_gets_the_same_code(site: Site) -> None:
    """
    A socket that ended in good order can be taken up again as well.
    """
    visitor = site.visitor()
    left = await visitor.open_page()
    code = await left.get_qr()

    await left.close()
    page = await visitor.open_page()

    assert code["ticket"] == (await page.get_qr(resume=code["resume"]))["ticket"]


async def test_resumed_page_gets_the_outcome(site: Site) -> None:
    """
    A scan after the page came back reaches it on its new socket.
    """
    visitor = site.visitor()
    lost = await visitor.open_page()
    code = await lost.get_qr()
    lost.cut()
    page = await visitor.open_page()
    await page.get_qr(resume=code["resume"])

    await site.sandbox.phone.scan(ticket=code["ticket"], openid=OPENID)

    assert await page.expect("bind_required")


@pytest.mark.parametrize("clean", [True, False])
async def test_outcome_that_came_while_away_is_told_once(site: Site, clean: bool) -> None:
    """
    A page that was away during the scan hears the outcome when it is back, one time.
    """
    await site.resources.directory.register(OPENID)
    visitor = site.visitor()
    lost = await visitor.open_page()
    code = await lost.get_qr()
    if clean:
        await lost.close()
    else:
        lost.cut()
    await site.sandbox.phone.scan(ticket=code["ticket"], openid=OPENID)

    page = await visitor.open_page()
    await page.send("get_qr", resume=code["resume"])
    success = await page.expect("success")
    status, _ = await visitor.post("/session", code=success["code"])

    assert 200 == status
    assert [] == await page.rest()
    assert 1000 == page.close_code


async def test_outcome_that_was_told_is_told_again_to_a_page_that_comes_back(site: Site) -> None:
    """
    A page that lost its socket right after `bind_required` gets a token that works, in its place.
    """
    await site.add_account("alice")
    visitor = site.visitor()
    lost = await visitor.open_page()
    code = await lost.get_qr()
    await scan(site, code)
    former = (await lost.expect("bind_required"))["bind_token"]
    lost.cut()

    page = await visitor.open_page()
    await page.send("get_qr", resume=code["resume"])
    bind = await page.expect("bind_required")
    asked = {"username": "alice", "password": "a right password"}
    with_new = await visitor.post("/user/bind", bind_token=bind["bind_token"], **asked)
    with_former = await visitor.post("/user/bind", bind_token=former, **asked)

    assert 0 < bind["expires"] <= 600
    assert 200 == with_new[0]
    assert (410, "bind_token_gone") == (with_former[0], with_former[1]["error"]["code"])


async def test_attempt_is_resumed_on_another_node(nodes: Nodes) -> None:
    """
    A page finds its attempt on any node: first its code, then the outcome.
    """
    one, other = nodes
    visitor = one.visitor()
    lost = await visitor.open_page()
    code = await lost.get_qr()
    lost.cut()

    page = await visitor.open_page(at=other.base_url)
    again = await page.get_qr(resume=code["resume"])
    await one.sandbox.phone.scan(ticket=code["ticket"], openid=OPENID)

    assert code["ticket"] == again["ticket"]
    assert await page.expect("bind_required")


async def test_outcome_that_came_while_away_is_told_by_another_node(nodes: Nodes) -> None:
    """
    What one node wrote while the page was away, another tells.
    """
    one, other = nodes
    visitor = one.visitor()
    lost = await visitor.open_page()
    code = await lost.get_qr()
    lost.cut()
    await scan(one, code)

    page = await visitor.open_page(at=other.base_url)
    await page.send("get_qr", resume=code["resume"])

    assert await page.expect("bind_required")


async def test_page_on_another_node_supersedes_the_first(nodes: Nodes) -> None:
    """
    The node that showed the attempt tells its page that another goes on with it.
    """
    one, other = nodes
    visitor = one.visitor()
    first = await visitor.open_page()
    code = await first.get_qr()
    await attended(one)

    second = await visitor.open_page(at=other.base_url)
    await second.get_qr(resume=code["resume"])

    assert {"type": "superseded", "data": {}} == await first.receive()


async def test_superseded_page_hears_no_outcome_and_can_start_anew(site: Site) -> None:
    """
    The outcome goes to the page that continued; the other begins another attempt if it asks.
    """
    visitor = site.visitor()
    first = await visitor.open_page()
    code = await first.get_qr()
    await attended(site)
    second = await visitor.open_page()
    await second.get_qr(resume=code["resume"])
    await first.expect("superseded")

    await scan(site, code)
    await second.expect("bind_required")
    fresh = await first.get_qr()

    assert code["uuid"] != fresh["uuid"]
    await scan(site, fresh, openid=OTHER_OPENID)
    assert await first.expect("bind_required")


async def test_other_browser_cannot_resume(site: Site) -> None:
    """
    The resume token alone is not enough: it takes the cookie of the browser that began.
    """
    page = await site.visitor().open_page()
    code = await page.get_qr()

    stranger = await site.visitor().open_page()
    await stranger.send("get_qr", resume=code["resume"])
    error = await stranger.expect("error")

    assert "unknown_attempt" == error["code"]
    await scan(site, code)
    assert await page.expect("bind_required")
    assert await stranger.get_qr()


async def test_browser_without_its_cookie_cannot_resume(site: Site) -> None:
    """
    A browser that lost its cookies is another browser.
    """
    visitor = site.visitor()
    page = await visitor.open_page()
    code = await page.get_qr()
    visitor.http.cookie_jar.clear()

    back = await visitor.open_page()
    await back.send("get_qr", resume=code["resume"])

    assert "unknown_attempt" == (await back.expect("error"))["code"]


@pytest.mark.parametrize("token", ["nonsense", ".", "a.b", "\x00", "{uuid}", "{uuid}.", "{uuid}.x"])
async def test_wrong_resume_token_is_an_unknown_attempt(site: Site, token: str) -> None:
    """
    A token that is none, or only the name of the attempt, opens nothing.
    """
    visitor = site.visitor()
    code = await (await visitor.open_page()).get_qr()
    page = await visitor.open_page()

    await page.send("get_qr", resume=token.format(uuid=code["uuid"]))
    error = await page.expect("error")

    assert "unknown_attempt" == error["code"]
    assert await page.get_qr()


async def test_attempt_that_was_claimed_is_unknown(site: Site) -> None:
    """
    Once the browser is signed in there is nothing to come back to.
    """
    await site.resources.directory.register(OPENID)
    visitor = site.visitor()
    page = await visitor.open_page()
    code = await page.get_qr()
    await scan(site, code)
    await visitor.post("/session", code=(await page.expect("success"))["code"])

    back = await visitor.open_page()
    await back.send("get_qr", resume=code["resume"])

    assert "unknown_attempt" == (await back.expect("error"))["code"]


async def test_session_that_never_reached_its_browser_is_given_again(site: Site) -> None:
    """
    The answer to the trade is lost with its node: no second scan, and one session in the end.
    """
    await site.resources.directory.register(OPENID)
    visitor = site.visitor()
    page = await visitor.open_page()
    code = await page.get_qr()
    await scan(site, code)
    used = (await page.expect("success"))["code"]
    await visitor.post("/session", code=used)
    lost = visitor.cookie("saoma_session") or ""
    visitor.http.cookie_jar.clear(lambda cookie: cookie.key == "saoma_session")

    back = await visitor.open_page()
    await back.send("get_qr", resume=code["resume"])
    fresh = (await back.expect("success"))["code"]
    answers = [await visitor.post("/session", code=each) for each in (used, fresh, fresh)]

    assert [410, 200, 410] == [status for status, _ in answers]
    assert 200 == (await visitor.request("GET", "/session"))[0]
    cookie = {"Cookie": f"saoma_session={lost}"}
    assert 401 == (await site.visitor().request("GET", "/session", headers=cookie))[0]


@pytest.mark.parametrize(("away_seconds", "answer"), [(50, "qr"), (60, "error")])
async def test_page_may_come_back_for_resume_seconds(
    start_site: StartSite, prefix: str, time_machine: TimeMachine, away_seconds: int, answer: str
) -> None:
    """
    The attempt of a lost page waits for `resume_seconds`, and then is over.
    """
    site = await start_site(prefix=prefix, pool={"resume_seconds": 60})
    visitor = site.visitor()
    page = await visitor.open_page()
    code = await page.get_qr()
    await page.close()
    await site.all_gone()

    await time_machine.forward(away_seconds)
    back = await visitor.open_page()
    await back.send("get_qr", resume=code["resume"])
    message = await back.receive()

    assert answer == message["type"]
    assert message["data"].get("code") in (None, "unknown_attempt")


async def test_code_that_ran_out_while_away_is_told_expired(start_site: StartSite) -> None:
    """
    A page that comes back to a dead code hears so, and gets the next for its attempt.
    """
    site = await start_site(pool={"ticket_seconds": 1, "late_seconds": 0})
    visitor = site.visitor()
    lost, younger = await visitor.open_page(), await visitor.open_page()
    code = await lost.get_qr()
    await younger.get_qr()
    lost.cut()
    await younger.expect("expired")

    page = await visitor.open_page()
    await page.send("get_qr", resume=code["resume"])
    await page.expect("expired")
    fresh = await page.get_qr()

    assert code["uuid"] == fresh["uuid"]
    assert code["ticket"] != fresh["ticket"]


async def test_page_may_resume_an_attempt_it_has(site: Site) -> None:
    """
    Asking for its own attempt again changes nothing.
    """
    page = await site.visitor().open_page()
    code = await page.get_qr()

    again = await page.get_qr(resume=code["resume"])
    await scan(site, code)

    assert code["ticket"] == again["ticket"]
    assert await page.expect("bind_required")
