"""What a scan does: to its page, to others, and on the phone."""

import time
from typing import Any

import pytest
from msgspec.structs import replace

from tests.server.conftest import StartSite
from tests.server.pushing import push, scan, scan_xml
from tests.site import OPENID, OTHER_OPENID, Page, Site
from tests.time_machine import TimeMachine

pytestmark = pytest.mark.usefixtures("each_way")
SIGNED_IN, BIND, EXPIRED, USED = "登录成功", "没有绑定", "已过期", "已经使用过"
SOON = {"ticket_seconds": 1, "late_seconds": 0}


async def shown(site: Site) -> tuple[Page, dict[str, Any]]:
    """Return a new visitor's page and its code."""
    page = await site.visitor().open_page()
    return page, await page.get_qr()


async def outcome(page: Page) -> str:
    """Return the kind of the page's next message."""
    kind: str = (await page.receive())["type"]
    return kind


async def figures(site: Site) -> dict[str, float]:
    """Return how many scans had which outcome."""
    async with site.visitor().http.get("/metrics") as response:
        lines = (await response.text()).splitlines()
    found = [line.split() for line in lines if line.startswith("saoma_scans_total")]
    return {name.split('"')[1]: float(value) for name, value in found}


async def test_new_follower_is_asked_to_bind(site: Site) -> None:
    """
    Whoever follows by scanning (`subscribe`, `qrscene_`) is treated as one who scans.
    """
    page, code = await shown(site)

    done = await site.sandbox.phone.scan(ticket=code["ticket"], openid=OPENID)

    assert "subscribe" == done.event
    assert BIND in (done.reply or "")
    assert "bind_required" == await outcome(page)


async def test_follower_who_scans_is_asked_to_bind(site: Site) -> None:
    """
    A follower's scan (`SCAN`) asks for an account when there is none.
    """
    await site.sandbox.phone.follow(OPENID)
    page, code = await shown(site)

    done = await site.sandbox.phone.scan(ticket=code["ticket"], openid=OPENID)

    assert "SCAN" == done.event
    assert BIND in (done.reply or "")
    assert "bind_required" == await outcome(page)


@pytest.mark.parametrize("event", ["SCAN", "subscribe"])
async def test_user_with_an_account_is_signed_in(site: Site, event: str) -> None:
    """
    Both kinds of scan sign a bound WeChat user in, and the phone says so.
    """
    await site.resources.directory.register(OPENID)
    if event == "SCAN":
        await site.sandbox.phone.follow(OPENID)
    page, code = await shown(site)

    done = await site.sandbox.phone.scan(ticket=code["ticket"], openid=OPENID)

    assert event == done.event
    assert SIGNED_IN in (done.reply or "")
    assert "success" == await outcome(page)


async def test_phone_is_told_which_site(start_site: StartSite) -> None:
    """
    The reply names the site, so that nobody signs in somewhere unknowingly.
    """
    site = await start_site(server={"public_url": "http://login.example"})
    page = await site.visitor().open_page(Origin="http://login.example")

    reply = await scan(site, await page.get_qr())

    assert "login.example" in reply
    assert "bind_required" == await outcome(page)


@pytest.mark.parametrize("scene", ["", None])
async def test_scan_without_a_scene_counts_by_its_ticket(site: Site, scene: str | None) -> None:
    """
    Events with an empty EventKey exist; the ticket says whose they are.
    """
    page, code = await shown(site)

    reply = await scan(site, code, event_key=scene)

    assert BIND in reply
    assert "bind_required" == await outcome(page)


@pytest.mark.parametrize("scene", ["2", "0", "qrscene_1", "abc", "4294967297", "01"])
async def test_scan_whose_scene_contradicts_its_ticket_is_stale(site: Site, scene: str) -> None:
    """
    A scene that is not the ticket's own changes nothing; the true scan still counts.
    """
    page, code = await shown(site)

    reply = await scan(site, code, event_key=scene, openid=OTHER_OPENID)
    good = await scan(site, code)

    assert EXPIRED in reply
    assert BIND in good
    assert "bind_required" == await outcome(page)


@pytest.mark.parametrize("prefix", ["", "qrscene_qrscene_"])
async def test_scene_of_a_new_follower_has_one_prefix(site: Site, prefix: str) -> None:
    """
    `subscribe` carries `qrscene_` and the scene; the bare scene is understood too.
    """
    page, code = await shown(site)
    shown_code = site.sandbox.platform.codes.by_ticket(code["ticket"])
    assert shown_code is not None

    first = await scan(site, code, event="subscribe", event_key=f"{prefix}{shown_code.scene}")
    await scan(site, code, event="subscribe", event_key=f"qrscene_{shown_code.scene}")

    assert (EXPIRED if prefix else BIND) in first
    assert "bind_required" == await outcome(page)


async def test_unknown_ticket_changes_nothing(site: Site) -> None:
    """
    A code of somebody else's campaign is answered politely, and reaches no page.
    """
    page, code = await shown(site)
    foreign = site.sandbox.platform.codes.create(1, 180)

    done = await site.sandbox.phone.scan(ticket=foreign.ticket, openid=OTHER_OPENID)
    await scan(site, code)

    assert EXPIRED in (done.reply or "")
    assert "bind_required" == await outcome(page)


async def test_repeated_push_gets_the_same_reply_and_no_second_message(site: Site) -> None:
    """
    WeChat repeats a push it has no answer to; the page hears of it once.
    """
    await site.resources.directory.register(OPENID)
    visitor = site.visitor()
    page = await visitor.open_page()
    code = await page.get_qr()
    xml = scan_xml(site, code)

    replies = [await push(site, xml) for _ in range(3)]
    success = await page.expect("success")
    traded = await visitor.post("/session", code=success["code"])

    assert [200] * 3 == [status for status, _ in replies]
    assert all(SIGNED_IN in body for _, body in replies)
    assert 200 == traded[0]
    assert [] == await page.rest()
    assert 1000 == page.close_code


async def test_repeated_push_is_answered_alike_after_the_browser_signed_in(site: Site) -> None:
    """
    A repeat that comes late, when all is done, still gets the first answer.
    """
    await site.resources.directory.register(OPENID)
    visitor = site.visitor()
    page = await visitor.open_page()
    code = await page.get_qr()
    xml = scan_xml(site, code)
    await push(site, xml)
    await visitor.post("/session", code=(await page.expect("success"))["code"])

    status, body = await push(site, xml)

    assert 200 == status
    assert SIGNED_IN in body


async def test_second_scan_by_another_user_changes_nothing(site: Site) -> None:
    """
    A code that has been scanned is used: another person's scan reaches nobody.
    """
    await site.resources.directory.register(OPENID)
    await site.resources.directory.register(OTHER_OPENID)
    mine = await site.resources.directory.by_openid(OPENID)
    assert mine is not None
    visitor = site.visitor()
    page = await visitor.open_page()
    code = await page.get_qr()
    await scan(site, code)

    reply = await scan(site, code, openid=OTHER_OPENID)
    success = await page.expect("success")
    traded = await visitor.post("/session", code=success["code"])

    assert USED in reply
    assert (200, mine.username) == (traded[0], traded[1]["username"])
    assert [] == await page.rest()


async def test_second_scan_by_the_same_user_after_signing_in_is_told_used(site: Site) -> None:
    """
    Scanning the old code again later does not pretend to sign in again.
    """
    await site.resources.directory.register(OPENID)
    _, code = await shown(site)
    now = time.time()
    await scan(site, code, created_at=now - 2)

    reply = await scan(site, code, created_at=now)

    assert USED in reply


@pytest.mark.parametrize("registered", [True, False])
async def test_late_scan_counts_within_late_seconds(
    start_site: StartSite, registered: bool
) -> None:
    """
    Who dwelt on Follow until the code was dead is let in all the same, for a moment.
    """
    site = await start_site(pool={"ticket_seconds": 1, "late_seconds": 60})
    if registered:
        await site.resources.directory.register(OPENID)
    page, code = await shown(site)
    await page.expect("expired")

    reply = await scan(site, code)

    assert (SIGNED_IN if registered else BIND) in reply
    assert ("success" if registered else "bind_required") == await outcome(page)


async def test_late_scan_counts_for_its_attempt_though_the_next_code_is_shown(
    start_site: StartSite,
) -> None:
    """
    The former code of an attempt may still be scanned while the page shows its next.
    """
    site = await start_site(pool={"ticket_seconds": 1, "late_seconds": 60})
    page, former = await shown(site)
    await page.expect("expired")
    await page.get_qr()

    reply = await scan(site, former)

    assert BIND in reply
    assert "bind_required" == await outcome(page)


async def test_scan_after_late_seconds_is_told_expired_and_reaches_no_page(
    start_site: StartSite,
) -> None:
    """
    A dead code stays dead: the phone hears so, the page nothing.
    """
    site = await start_site(pool=SOON | {"size": 1, "rest_seconds": 0})
    page, former = await shown(site)
    await page.expect("expired")

    reply = await scan(site, former)
    code = await page.get_qr()

    assert EXPIRED in reply
    assert former["uuid"] == code["uuid"]
    assert former["ticket"] != code["ticket"]


async def test_scan_of_a_dead_code_does_not_reach_the_next_owner_of_its_scene(
    start_site: StartSite,
) -> None:
    """
    A photo of an old code whose scene id somebody else shows by now signs nobody in.
    """
    site = await start_site(pool=SOON | {"size": 1, "rest_seconds": 0})
    old, former = await shown(site)
    await old.expect("expired")
    await old.close()
    await site.all_gone()
    site.resources.pool.rules = replace(site.resources.pool.rules, ticket_seconds=180)
    page, code = await shown(site)

    reply = await scan(site, former, openid=OTHER_OPENID)
    await site.resources.directory.register(OPENID)
    await scan(site, code)

    assert "success" == await outcome(page)
    scenes = [site.sandbox.platform.codes.by_ticket(each["ticket"]) for each in (former, code)]
    assert [1, 1] == [known.scene for known in scenes if known]
    assert EXPIRED in reply


async def test_code_of_a_closed_page_can_be_scanned_until_it_comes_back(site: Site) -> None:
    """
    A phone may scan while nobody looks; a scan after that is no error either.
    """
    page, code = await shown(site)
    await page.close()
    await site.all_gone()

    assert BIND in await scan(site, code)


async def test_code_of_a_page_that_is_gone_for_good_is_expired(
    start_site: StartSite, prefix: str, time_machine: TimeMachine
) -> None:
    """
    When the page cannot come back any more, its code means nothing.
    """
    site = await start_site(prefix=prefix, pool={"resume_seconds": 10})
    page, code = await shown(site)
    await page.close()
    await site.all_gone()

    await time_machine.forward(11)

    assert EXPIRED in await scan(site, code)


async def test_auto_register_makes_an_account_and_signs_in(start_site: StartSite) -> None:
    """
    Where the operator wishes it, the first scan of an unknown user creates an account.
    """
    site = await start_site(login={"auto_register": True})
    visitor = site.visitor()
    page = await visitor.open_page()
    code = await page.get_qr()

    reply = await scan(site, code)
    traded = await visitor.post("/session", code=(await page.expect("success"))["code"])
    session = await visitor.request("GET", "/session")

    assert SIGNED_IN in reply
    assert 200 == traded[0]
    assert (200, {"username": traded[1]["username"], "wechat_bound": True}) == session


async def test_auto_register_makes_one_account_for_a_user(start_site: StartSite) -> None:
    """
    The second scan signs in to the account that the first one made.
    """
    site = await start_site(login={"auto_register": True})

    names = []
    for _ in range(2):
        visitor = site.visitor()
        page = await visitor.open_page()
        await scan(site, await page.get_qr())
        _, answer = await visitor.post("/session", code=(await page.expect("success"))["code"])
        names.append(answer["username"])

    assert names[0] == names[1]
    assert 1 == len(await site.resources.directory.all())


async def test_auto_register_makes_no_account_for_a_scan_that_does_not_count(
    start_site: StartSite,
) -> None:
    """
    Scanning a used code, or one of another campaign, leaves no account behind.
    """
    site = await start_site(login={"auto_register": True})
    page, code = await shown(site)
    await scan(site, code)
    await page.expect("success")
    foreign = site.sandbox.platform.codes.create(1, 180)

    await scan(site, code, openid=OTHER_OPENID)
    await site.sandbox.phone.scan(ticket=foreign.ticket, openid=OTHER_OPENID)

    assert await site.resources.directory.by_openid(OTHER_OPENID) is None


async def test_scans_are_counted_by_their_outcome(start_site: StartSite) -> None:
    """
    Every outcome of a scan has its figure.
    """
    site = await start_site(pool=SOON | {"late_seconds": 60})
    await site.resources.directory.register(OTHER_OPENID)
    before = await figures(site)
    (first, code), (second, other) = await shown(site), await shown(site)

    await scan(site, code)
    await scan(site, code, openid=OTHER_OPENID)
    await scan(site, other, openid=OTHER_OPENID)
    await scan(site, other, event_key="77")
    foreign = site.sandbox.platform.codes.create(1, 180)
    await site.sandbox.phone.scan(ticket=foreign.ticket, openid=OPENID)
    assert ["bind_required", "success"] == [await outcome(first), await outcome(second)]

    after = await figures(site)
    assert {
        "success": 1,
        "bind_required": 1,
        "denied": 0,
        "stale": 1,
        "duplicate": 1,
        "unknown": 1,
    } == {name: after[name] - before[name] for name in after}


async def test_opposite_order_of_events_in_one_second_is_no_matter(site: Site) -> None:
    """
    Two users who scan two codes in the same second each reach their own page.
    """
    (first, one), (second, two) = await shown(site), await shown(site)
    now = time.time()

    await scan(site, two, openid=OPENID, created_at=now)
    await scan(site, one, openid=OPENID, created_at=now)

    assert ["bind_required"] * 2 == [await outcome(first), await outcome(second)]
