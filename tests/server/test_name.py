"""`/user/name`: a name of one's own in the place of a generated one."""

import asyncio
from typing import Any

import pytest

from tests.server.conftest import StartSite
from tests.server.pushing import scan
from tests.site import OPENID, OTHER_OPENID, PASSWORD, Site, Visitor

Answer = tuple[int, Any]


def outcome(answer: Answer) -> tuple[int, str]:
    """Return status and error code, or the name that was given."""
    status, body = answer
    return status, body["username"] if status == 200 else body["error"]["code"]


async def newcomer(site: Site, openid: str = OPENID) -> Visitor:
    """Return the browser of somebody whose first scan made an account."""
    visitor = site.visitor()
    page = await visitor.open_page()
    await scan(site, await page.get_qr(), openid=openid)
    code = (await page.expect("success"))["code"]
    assert 200 == (await visitor.post("/session", code=code))[0]
    return visitor


async def name_of(visitor: Visitor) -> str:
    """Return the user name of who is signed in."""
    _, session = await visitor.request("GET", "/session")
    username: str = session["username"]
    return username


async def test_generated_name_is_changed_once(start_site: StartSite):
    """
    The owner chooses a name, is called by it, and keeps it; the form goes with the choice.
    """
    site = await start_site(login={"auto_register": True})
    visitor = await newcomer(site)
    _, before = await visitor.request("GET", "/user")

    assert (200, "小红") == outcome(await visitor.post("/user/name", username="  小红 "))

    _, after = await visitor.request("GET", "/user")
    assert "小红" == await name_of(visitor)
    assert 'data-testid="name-form"' in before
    assert 'data-testid="name-form"' not in after
    again = await visitor.post("/user/name", username="小明")
    assert (409, "name_fixed") == outcome(again)
    assert "小红" == await name_of(visitor)


async def test_name_that_a_person_gave_stays(site: Site):
    """
    Accounts that an operator or a person named are not offered another name.
    """
    await site.add_account("alice")
    visitor = site.visitor()
    await visitor.post("/login", username="alice", password=PASSWORD)
    _, page = await visitor.request("GET", "/user")

    assert (409, "name_fixed") == outcome(await visitor.post("/user/name", username="bob"))
    assert 'data-testid="name-form"' not in page


async def test_name_of_somebody_else_is_told_and_may_be_chosen_anew(start_site: StartSite):
    """
    However it is written, a taken name is taken; the one chance is not used up by it.
    """
    site = await start_site(login={"auto_register": True})
    await site.add_account("alice")
    visitor = await newcomer(site)

    assert (409, "name_taken") == outcome(await visitor.post("/user/name", username="ＡＬＩＣＥ"))
    assert (200, "Alicia") == outcome(await visitor.post("/user/name", username="Alicia"))


@pytest.mark.parametrize("name", ["", "  ", "a\nb", "a\u2028b", "\u202eevil", "x" * 65, "ﷺ" * 10])
async def test_name_that_is_none_is_refused(start_site: StartSite, name: str):
    """
    A name is seen, on one line, and fits into its column, folded too.
    """
    site = await start_site(login={"auto_register": True})
    visitor = await newcomer(site)

    assert (400, "bad_name") == outcome(await visitor.post("/user/name", username=name))
    assert (200, "x" * 64) == outcome(await visitor.post("/user/name", username="x" * 64))


async def test_two_who_choose_one_name_at_once_have_one_winner(start_site: StartSite, prefix: str):
    """
    On two nodes at once, the database decides; and one who asks twice at once chooses once.
    """
    first = await start_site(prefix=prefix, login={"auto_register": True})
    second = await start_site(prefix=prefix, sandbox=first.sandbox, login={"auto_register": True})
    ours = await newcomer(first)
    theirs = await newcomer(first, OTHER_OPENID)

    answers = await asyncio.gather(
        ours.post("/user/name", username="star"),
        theirs.post(f"{second.base_url}/user/name", username="STAR"),
    )
    loser = (ours, theirs)[[status for status, _ in answers].index(409)]
    twice = await asyncio.gather(
        *(loser.post("/user/name", username=f"moon{number}") for number in range(2))
    )

    assert {200, 409} == {status for status, _ in answers}
    assert {"name_taken"} == {body["error"]["code"] for status, body in answers if status == 409}
    assert {200, 409} == {status for status, _ in twice}


async def test_names_cannot_be_tried_without_end(start_site: StartSite):
    """
    Whoever goes through a list of names has to wait soon.
    """
    site = await start_site(login={"auto_register": True})
    await site.add_account("alice")
    visitor = await newcomer(site)

    codes = [outcome(await visitor.post("/user/name", username="alice"))[1] for _ in range(21)]

    assert ["name_taken"] * 20 + ["rate_limited"] == codes


async def test_name_needs_a_session_and_the_xsrf_token(site: Site):
    """
    A stranger and a page of another site name nobody.
    """
    visitor = site.visitor()
    assert (401, "signed_out") == outcome(await visitor.post("/user/name", username="eve"))
    async with visitor.http.post("/user/name", json={"username": "eve"}) as response:
        assert 403 == response.status
