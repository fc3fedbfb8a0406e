"""`login.confirmation: number`: the visitor picks the number that the phone shows."""

import re
from typing import Any

import pytest

from tests.server.conftest import StartSite
from tests.server.pushing import push, scan, scan_xml
from tests.site import OPENID, OTHER_OPENID, Page, Site

NUMBER = {"confirmation": "number"}


async def asked(site: Site, **changes: Any) -> tuple[Page, dict[str, Any], list[int], int]:
    """Return a page that is asked for a number, its code, its choices and the right one."""
    page = await site.visitor().open_page()
    code = await page.get_qr()
    number = number_in(await scan(site, code, **changes))
    scanned = await page.expect("scanned")
    return page, code, scanned["choices"], number


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
    site = await start_site(login=NUMBER, server={"public_url": "https://login.example"})
    page = await site.visitor().open_page(Origin="https://login.example")
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


async def test_scan_of_a_denied_code_is_told_used(start_site: StartSite) -> None:
    """
    A refused code cannot be scanned again.
    """
    site = await start_site(login=NUMBER)
    page, code, choices, number = await asked(site)
    await page.send("choose", number=next(choice for choice in choices if choice != number))
    await page.expect("denied")

    reply = await scan(site, code, openid=OTHER_OPENID)

    assert "已经使用过" in reply


async def test_nobody_choosing_is_denied(start_site: StartSite) -> None:
    """
    After `choose_seconds` without a choice the attempt is refused.
    """
    site = await start_site(login=NUMBER | {"choose_seconds": 1})
    page, _, _, _ = await asked(site)

    assert {"type": "denied", "data": {}} == await page.receive()


async def test_second_user_does_not_change_the_question(start_site: StartSite) -> None:
    """
    While the number is asked for, another person's scan gets "used" and asks nothing.
    """
    site = await start_site(login=NUMBER)
    await site.resources.directory.register(OPENID)
    page, code, _, number = await asked(site)

    reply = await scan(site, code, openid=OTHER_OPENID)
    await page.send("choose", number=number)

    assert "已经使用过" in reply
    assert await page.expect("success")


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
