"""`login.confirmation: number`: the visitor picks the number that the phone shows."""

import re
import time
from email.utils import parsedate_to_datetime
from typing import Any

import pytest

from tests.server.conftest import StartSite
from tests.server.pushing import push, scan, scan_xml
from tests.site import OPENID, OTHER_OPENID, PASSWORD, Page, Site

pytestmark = pytest.mark.usefixtures("each_way")
NUMBER = {"confirmation": "number"}
CANCELLED, NOT_ALLOWED = "已被取消", "不能使用这个二维码"


async def asked(site: Site, **changes: Any) -> tuple[Page, dict[str, Any], list[int], int]:
    """Return a page that is asked for a number, its code, its choices and the right one."""
    page = await site.visitor().open_page()
    code = await page.get_qr()
    number = number_in(await scan(site, code, **changes))
    scanned = await page.expect("scanned")
    return page, code, scanned["choices"], number


async def denials(site: Site) -> float:
    """Return how many attempts were denied so far."""
    async with site.visitor().http.get("/metrics") as response:
        lines = (await response.text()).splitlines()
    name = 'saoma_scans_total{outcome="denied"}'
    return sum(float(line.split()[1]) for line in lines if line.startswith(name))


def number_in(reply: str) -> int:
    """Return the number that the phone shows."""
    found = re.search(r"数字\s*(\d+)", reply)
    assert found, reply
    return int(found[1])


async def test_scan_asks_for_one_of_three_numbers(start_site: StartSite) -> None:
    """
    `scanned` has three different numbers, and the phone shows one of them.
    """
    site = await start_site(login=NUMBER)

    _, _, choices, number = await asked(site)

    assert 3 == len(choices) == len(set(choices))
    assert all(isinstance(choice, int) for choice in choices)
    assert number in choices


async def test_phone_shows_no_wrong_number(start_site: StartSite) -> None:
    """
    Only the right number is on the phone.
    """
    site = await start_site(login=NUMBER, server={"public_url": "http://login.example"})
    page = await site.visitor().open_page(Origin="http://login.example")
    code = await page.get_qr()

    reply = await scan(site, code)
    scanned = await page.expect("scanned")

    shown = {int(number) for number in re.findall(r"\d+", reply)}
    assert 1 == len(shown)
    assert shown < set(scanned["choices"])


async def test_right_number_signs_in(start_site: StartSite) -> None:
    """
    The right number lets a WeChat user with an account in.
    """
    site = await start_site(login=NUMBER)
    account = await site.resources.directory.register(OPENID)
    visitor = site.visitor()
    page = await visitor.open_page()
    number = number_in(await scan(site, await page.get_qr()))
    await page.expect("scanned")

    await page.send("choose", number=number)
    traded = await visitor.post("/session", code=(await page.expect("success"))["code"])

    assert (200, {"username": account.username, "next": "/user"}) == traded


async def test_right_number_asks_a_new_user_to_bind(start_site: StartSite) -> None:
    """
    Who has no account binds after the number was picked, not before.
    """
    site = await start_site(login=NUMBER)
    page, _, _, number = await asked(site)

    await page.send("choose", number=number)

    assert await page.expect("bind_required")


async def test_right_number_registers_where_that_is_wished(start_site: StartSite) -> None:
    """
    With `auto_register` the account is made once the number was picked, and not before.
    """
    site = await start_site(login=NUMBER | {"auto_register": True})
    page, _, _, number = await asked(site)
    before = await site.resources.directory.by_openid(OPENID)

    await page.send("choose", number=number)
    await page.expect("success")

    assert before is None
    assert await site.resources.directory.by_openid(OPENID)


async def test_wrong_number_is_denied_for_good(start_site: StartSite) -> None:
    """
    There is one try: after a wrong number the right one opens nothing.
    """
    site = await start_site(login=NUMBER)
    await site.resources.directory.register(OPENID)
    page, code, choices, number = await asked(site)
    wrong = next(choice for choice in choices if choice != number)

    await page.send("choose", number=wrong)
    denied = await page.receive()
    await page.send("choose", number=number)
    fresh = await page.get_qr()

    assert {"type": "denied", "data": {}} == denied
    assert code["uuid"] != fresh["uuid"]


@pytest.mark.parametrize("number", [0, -1, 100, 10**30])
async def test_number_that_was_not_offered_is_denied(start_site: StartSite, number: int) -> None:
    """
    Any other number counts as a wrong one.
    """
    site = await start_site(login=NUMBER)
    page, _, _, _ = await asked(site)

    await page.send("choose", number=number)
    message = await page.receive()

    assert message["type"] == "denied" or message["data"]["code"] == "bad_message"


async def test_scan_of_a_denied_code_is_told_why(start_site: StartSite) -> None:
    """
    A refused code is cancelled for who scanned it, and was never anybody else's.
    """
    site = await start_site(login=NUMBER)
    page, code, choices, number = await asked(site)
    await page.send("choose", number=next(choice for choice in choices if choice != number))
    await page.expect("denied")

    later = time.time() + 7
    replies = [
        await scan(site, code, openid=openid, created_at=later) for openid in (OPENID, OTHER_OPENID)
    ]

    assert CANCELLED in replies[0]
    assert NOT_ALLOWED in replies[1]


async def test_nobody_choosing_is_denied(start_site: StartSite) -> None:
    """
    After `choose_seconds` without a choice the attempt is refused.
    """
    site = await start_site(login=NUMBER | {"choose_seconds": 1})
    page, _, _, _ = await asked(site)

    assert {"type": "denied", "data": {}} == await page.receive()


@pytest.mark.parametrize(
    ("openid", "told"), [(OTHER_OPENID, NOT_ALLOWED), (OPENID, CANCELLED)], ids=["other", "same"]
)
async def test_second_scan_denies(start_site: StartSite, openid: str, told: str) -> None:
    """
    A code that two people hold, or one person twice, is passed around: nobody is let in by it.
    """
    site = await start_site(login=NUMBER)
    await site.resources.directory.register(OPENID)
    page, code, _, number = await asked(site)
    before = await denials(site)

    later = time.time() + 7
    replies = {await scan(site, code, openid=openid, created_at=later) for _ in range(2)}
    denied = await page.receive()
    await page.send("choose", number=number)
    fresh = await page.get_qr()

    assert {"type": "denied", "data": {}} == denied
    assert 1 == len(replies)
    assert told in replies.pop()
    assert code["uuid"] != fresh["uuid"]
    assert before + 1 == await denials(site)


async def test_first_push_is_repeated_after_the_second_scan(start_site: StartSite) -> None:
    """
    A repeat of the push that asked keeps its text, whatever came between.
    """
    site = await start_site(login=NUMBER)
    page = await site.visitor().open_page()
    code = await page.get_qr()
    first = await scan(site, code, created_at=1_767_225_600)
    await scan(site, code, openid=OTHER_OPENID)

    assert first == await scan(site, code, created_at=1_767_225_600)


async def test_scan_after_the_number_was_picked_changes_nothing(start_site: StartSite) -> None:
    """
    A bystander cannot sign out who is signed in.
    """
    site = await start_site(login=NUMBER)
    await site.resources.directory.register(OPENID)
    visitor = site.visitor()
    page = await visitor.open_page()
    code = await page.get_qr()
    number = number_in(await scan(site, code))
    await page.expect("scanned")
    await page.send("choose", number=number)
    success = await page.expect("success")

    reply = await scan(site, code, openid=OTHER_OPENID)
    status, _ = await visitor.post("/session", code=success["code"])

    assert "已经使用过" in reply
    assert 200 == status


async def test_refusal_on_the_phone_reaches_the_page_at_once(start_site: StartSite) -> None:
    """
    Who answers N on the phone is told so, the page hears it, and it counts as denied.
    """
    site = await start_site(login=NUMBER)
    await site.sandbox.phone.follow(OPENID)
    page = await site.visitor().open_page()
    code = await page.get_qr()
    await site.sandbox.phone.scan(ticket=code["ticket"], openid=OPENID)
    await page.expect("scanned")
    before = await denials(site)

    answer = await site.sandbox.phone.message(OPENID, "n")

    assert {"type": "denied", "data": {}} == await page.receive()
    assert "已拒绝" in (answer.reply or "")
    assert before + 1 == await denials(site)


async def test_repeated_push_shows_the_same_number(start_site: StartSite) -> None:
    """
    The repeat of a push shows the number that the first one showed, and asks no second time.
    """
    site = await start_site(login=NUMBER)
    page = await site.visitor().open_page()
    xml = scan_xml(site, await page.get_qr())

    replies = [number_in((await push(site, xml))[1]) for _ in range(3)]
    await page.expect("scanned")
    await page.send("choose", number=replies[0])

    assert 1 == len(set(replies))
    assert await page.expect("bind_required")


async def test_page_that_comes_back_is_asked_the_same(start_site: StartSite) -> None:
    """
    After a lost socket the three numbers are offered again, and the right one still counts.
    """
    site = await start_site(login=NUMBER)
    visitor = site.visitor()
    lost = await visitor.open_page()
    code = await lost.get_qr()
    number = number_in(await scan(site, code))
    choices = (await lost.expect("scanned"))["choices"]
    lost.cut()

    page = await visitor.open_page()
    await page.send("get_qr", resume=code["resume"])
    again = await page.expect("scanned")
    await page.send("choose", number=number)

    assert choices == again["choices"]
    assert await page.expect("bind_required")


async def test_get_qr_while_a_number_is_asked_for_asks_again(start_site: StartSite) -> None:
    """
    A page that asks for a code while the phone waits is told what it should do.
    """
    site = await start_site(login=NUMBER)
    page, _, choices, _ = await asked(site)

    await page.send("get_qr")

    assert choices == (await page.expect("scanned"))["choices"]


async def test_number_is_picked_on_one_node_and_shown_by_another(
    start_site: StartSite, prefix: str
) -> None:
    """
    The scan may reach one node, the page be on another.
    """
    one = await start_site(prefix=prefix, login=NUMBER)
    other = await start_site(prefix=prefix, sandbox=one.sandbox, login=NUMBER)
    page = await other.visitor().open_page()
    code = await page.get_qr()

    number = number_in(await scan(one, code))
    await page.expect("scanned")
    await page.send("choose", number=number)

    assert await page.expect("bind_required")


# ---- only where the browser is new


async def test_risk_asks_in_a_new_browser_only(start_site: StartSite) -> None:
    """
    After one sign-in the browser's cookie says that it is known; another browser is asked.
    """
    site = await start_site(login={"confirmation": "risk"})
    await site.resources.directory.register(OPENID)
    visitor = site.visitor()
    page = await visitor.open_page()
    number = number_in(await scan(site, await page.get_qr()))
    await page.expect("scanned")
    await page.send("choose", number=number)
    await visitor.post("/session", code=(await page.expect("success"))["code"])
    await visitor.request("DELETE", "/session")

    again, other = await visitor.open_page(), await site.visitor().open_page()
    replies = [await scan(site, await page.get_qr()) for page in (again, other)]

    assert "登录成功" in replies[0]
    assert number_in(replies[1])
    assert await again.expect("success")
    assert await other.expect("scanned")


async def test_risk_knows_a_browser_by_its_password_too(start_site: StartSite) -> None:
    """
    Who has signed in with a password, and is signed out again, is not asked in that browser.
    """
    site = await start_site(login={"confirmation": "risk"})
    account = await site.add_account("alice")
    await site.resources.directory.bind(OPENID, account)
    visitor = site.visitor()
    await visitor.post("/login", username="alice", password=PASSWORD)
    await visitor.request("DELETE", "/session")
    page = await visitor.open_page()

    reply = await scan(site, await page.get_qr())

    assert "登录成功" in reply


async def test_cookie_of_the_browser_outlives_what_is_known_of_it(site: Site) -> None:
    """
    The browser keeps its cookie for longer than it is known by it.
    """
    async with site.visitor().http.get("/") as response:
        expires = response.cookies["saoma_browser"]["expires"]

    days = (parsedate_to_datetime(expires).timestamp() - time.time()) / 86400
    assert site.settings.login.known_browser_seconds / 86400 < days <= 400
