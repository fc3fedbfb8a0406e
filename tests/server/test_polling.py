"""`/attempts`: what is special about pages without a socket; the rest is tested for both ways."""

import asyncio
from typing import Any

import pytest

from serving import drain
from tests.faults.scans import attended
from tests.polling import PollingPage
from tests.server.conftest import StartSite
from tests.server.pushing import scan
from tests.server.test_confirmation import number_in
from tests.site import OPENID, PASSWORD, Site, Visitor

Nodes = tuple[Site, Site]
SHORT = 0.1
# So often that a signal overtakes an answer of the store at least once.
ROUNDS = 40


async def opened(site: Site, *urls: str) -> tuple[Visitor, PollingPage, dict[str, Any]]:
    """Return a visitor, a page that shows a code and does not listen, and the code."""
    visitor = site.visitor()
    await visitor.request("GET", "/session")
    page = visitor.open_polling(*urls)
    code = await page.get_qr()
    await page.close()
    return visitor, page, code


def told(answer: tuple[int, Any]) -> list[tuple[int, str]]:
    """Return number and type of all messages in a good answer."""
    assert 200 == answer[0], answer
    return [(message.get("number"), message["type"]) for message in answer[1]["messages"]]


def problem(answer: tuple[int, Any]) -> tuple[int, str]:
    """Return status and code of an error."""
    return answer[0], answer[1]["error"]["code"]


# ---- the same as with a socket


async def test_scan_links_to_the_account_that_asks_by_requests(site: Site) -> None:
    """
    `link` counts for pages that poll: the bind token links to the account of the session.
    """
    account_id = await site.add_account("alice")
    visitor = site.visitor()
    await visitor.post("/login", username="alice", password=PASSWORD)
    page = visitor.open_polling()
    await scan(site, await page.get_qr(link=True))
    token = (await page.expect("bind_required"))["bind_token"]

    status, _ = await visitor.post("/user/bind", bind_token=token)

    bound = await site.resources.directory.by_openid(OPENID)
    assert (200, account_id) == (status, bound.id if bound else None)


async def test_page_gets_another_login_code_until_its_session_is_used(nodes: Nodes) -> None:
    """
    A trade whose answer was lost is made up for by requests too, on any node; a session that was
    used ends that.
    """
    one, other = nodes
    await one.resources.directory.register(OPENID)
    visitor, page, code = await opened(one, one.base_url, other.base_url)
    await scan(other, code)
    _, answer = await page.get()
    (told_first,) = answer["messages"]
    first = await visitor.post("/session", code=told_first["data"]["code"])
    visitor.http.cookie_jar.clear(lambda cookie: cookie.key == "saoma_session")
    knows = await page.get(after=told_first["number"])
    back = [await visitor.post("/attempts", resume=code["resume"]) for _ in range(2)]
    again = back[1][1]["messages"][0]["data"]["code"]
    second = await visitor.post("/session", code=again)
    await visitor.request("GET", "/session")
    over = await visitor.post("/attempts", resume=code["resume"])

    assert [200, 200] == [first[0], second[0]]
    assert (200, {"messages": [], "close": 1000}) == knows
    assert ["success", "success"] == [told(each)[0][1] for each in back]
    assert (404, "unknown_attempt") == problem(over)


# ---- numbers


async def test_first_answer_names_the_attempt_and_numbers_its_message(site: Site) -> None:
    """
    `POST /attempts` without anything begins an attempt, and answers with its code.
    """
    status, answer = await site.visitor().request("POST", "/attempts")

    assert (200, {"uuid", "messages"}) == (status, set(answer))
    (message,) = answer["messages"]
    assert {"number", "type", "data"} == set(message)
    assert message["number"] >= 1
    assert answer["uuid"] == message["data"]["uuid"]


async def test_secret_may_stand_in_the_header(site: Site) -> None:
    """
    `POST /attempts` with `X-Resume` comes back to the attempt, as `resume` in the body does.
    """
    visitor, _, code = await opened(site)

    by_header = await visitor.request("POST", "/attempts", headers={"X-Resume": code["resume"]})
    by_body = await visitor.post("/attempts", resume=code["resume"])

    assert told(by_header) == told(by_body)
    assert [code["ticket"]] * 2 == [
        answer["messages"][0]["data"]["ticket"] for _, answer in (by_header, by_body)
    ]


async def test_numbers_rise_and_are_the_same_on_every_node(nodes: Nodes) -> None:
    """
    A request that is repeated on another node is answered alike; what is known is not told.
    """
    one, other = nodes
    one.resources.context.site.poll_seconds = other.resources.context.site.poll_seconds = SHORT
    _, page, code = await opened(one, one.base_url, other.base_url)
    first = [await page.get(after=0) for _ in range(2)]
    nothing = [await page.get() for _ in range(2)]

    await scan(other, code)
    outcome = [await page.get() for _ in range(2)]

    ((number, kind),) = told(first[0])
    assert ("qr", told(first[0])) == (kind, told(first[1]))
    assert number == page.after
    assert [[], []] == [told(answer) for answer in nothing]
    ((later, kind),) = told(outcome[0])
    assert ("bind_required", told(outcome[0])) == (kind, told(outcome[1]))
    assert later > number


async def test_number_is_right_though_the_scan_comes_with_the_request(site: Site) -> None:
    """
    A signal that is faster than the record is numbered like the record: nothing is told twice.
    """
    numbers = []

    async def get(page: PollingPage, turns: int) -> tuple[int, Any]:
        for _ in range(turns):
            await asyncio.sleep(0)
        return await page.get()

    for turns in range(ROUNDS):
        _, page, code = await opened(site)
        answer, _ = await asyncio.gather(get(page, turns), scan(site, code))
        ((number, kind),) = told(answer)
        assert "bind_required" == kind
        numbers.append(number)

    assert 1 == len(set(numbers)), numbers


async def test_lost_outcome_is_told_again_with_a_proof_that_counts(nodes: Nodes) -> None:
    """
    Whoever repeats the request gets another proof. Each counts until one is used, and then none.
    """
    one, other = nodes
    await one.add_account("alice")
    visitor, page, code = await opened(one, one.base_url, other.base_url)
    await scan(other, code)
    tokens = []
    for _ in range(2):
        _, answer = await page.get()
        (message,) = answer["messages"]
        tokens.append(message["data"]["bind_token"])
    one.resources.context.site.poll_seconds = other.resources.context.site.poll_seconds = SHORT

    knows = await page.get(after=message["number"])
    asked = {"username": "alice", "password": PASSWORD}
    former = await visitor.post("/user/bind", bind_token=tokens[0], **asked)
    latter = await visitor.post("/user/bind", bind_token=tokens[1], **asked)
    over = await page.get(after=message["number"])

    assert [] == told(knows)
    assert 200 == former[0]
    assert (410, "bind_token_gone") == problem(latter)
    assert (200, {"messages": [], "close": 1000}) == over


async def test_request_that_comes_late_does_not_spoil_what_its_page_has(site: Site) -> None:
    """
    A request that was given up for another may arrive after it; the page trades what that one said.
    """
    await site.resources.directory.register(OPENID)
    visitor, page, code = await opened(site)
    await scan(site, code)
    _, heard = await page.get()

    late = await page.get()
    traded = await visitor.post("/session", code=heard["messages"][0]["data"]["code"])

    assert ["success"] == [kind for _, kind in told(late)]
    assert 200 == traded[0]


async def test_next_code_whose_answer_was_lost_is_not_made_twice(start_site: StartSite) -> None:
    """
    A page that asks for the next code again, not knowing that it has it, is shown that one.
    """
    site = await start_site(pool={"ticket_seconds": 1, "late_seconds": 0})
    _, page, first = await opened(site)
    assert "expired" == told(await page.get())[0][1]
    page.after += 1

    answers = [await page.post({"type": "get_qr", "data": {}}) for _ in range(2)]

    tickets = {answer["messages"][0]["data"]["ticket"] for _, answer in answers}
    assert told(answers[0]) == told(answers[1])
    assert 1 == len(tickets - {first["ticket"]}) == len(tickets)


async def test_what_was_asked_before_the_news_was_heard_is_not_done(site: Site) -> None:
    """
    A `get_qr` that crosses a scan does not begin another attempt: the page hears of the scan.
    """
    _, page, code = await opened(site)
    await scan(site, code)

    answer = await page.post({"type": "get_qr", "data": {}})

    assert ["bind_required"] == [kind for _, kind in told(answer)]


async def test_whole_story_with_every_request_on_another_node(
    start_site: StartSite, prefix: str
) -> None:
    """
    Code, number, success and session, each asked of the node that did not answer before.
    """
    number = {"confirmation": "number"}
    one = await start_site(prefix=prefix, login=number)
    other = await start_site(prefix=prefix, login=number, sandbox=one.sandbox)
    account = await one.resources.directory.register(OPENID)
    visitor, page, code = await opened(one, other.base_url, one.base_url)

    waiting = asyncio.create_task(page.get())
    right = number_in(await scan(one, code))
    (scanned,) = (await waiting)[1]["messages"]
    page.after = scanned["number"]
    (success,) = (await page.post({"type": "choose", "data": {"number": right}}))[1]["messages"]
    status, answer = await visitor.post("/session", code=success["data"]["code"])

    assert right in scanned["data"]["choices"]
    assert (200, account.username) == (status, answer["username"])


# ---- waiting


async def test_request_is_answered_empty_when_nothing_comes(site: Site) -> None:
    """
    A request waits 25 s, then the page asks anew; the attempt goes on.
    """
    assert 25 == site.resources.context.site.poll_seconds
    site.resources.context.site.poll_seconds = SHORT
    _, page, code = await opened(site)

    answers = [await page.get() for _ in range(3)]
    await scan(site, code)

    assert [(200, {"messages": []})] * 3 == answers
    assert ["bind_required"] == [kind for _, kind in told(await page.get())]


async def test_time_to_choose_is_not_longer_for_who_polls(start_site: StartSite) -> None:
    """
    However often a page comes back, it has the time to pick a number once.
    """
    site = await start_site(login={"confirmation": "number", "choose_seconds": 1})
    site.resources.context.site.poll_seconds = 0.4
    _, page, code = await opened(site)
    await scan(site, code)

    answers = [await page.get()]
    page.after = answers[0][1]["messages"][-1]["number"]
    while not answers[-1][1]["messages"] or len(answers) == 1:
        answers.append(await page.get())

    assert ["scanned", "denied"] == [kind for each in answers for _, kind in told(each)]
    assert len(answers) <= 5


async def test_page_keeps_its_scene_between_two_requests(start_site: StartSite) -> None:
    """
    With `rest_seconds` 0 too, an id is not passed on while its page only takes a breath.
    """
    site = await start_site(pool={"size": 1, "rest_seconds": 0})
    _, page, code = await opened(site)
    await site.all_gone()

    other = await site.visitor().request("POST", "/attempts")
    await scan(site, code)

    assert (503, "pool_exhausted") == problem(other)
    assert other[1]["error"]["retry_after"] >= 1
    assert ["bind_required"] == [kind for _, kind in told(await page.get())]


async def test_page_that_was_superseded_is_told_though_the_other_is_between_two_requests(
    site: Site,
) -> None:
    """
    However slow its network is: the attempt is not taken back from a page that polls.
    """
    visitor = site.visitor()
    former = await visitor.open_page()
    code = await former.get_qr()
    status, _ = await visitor.post("/attempts", resume=code["resume"])

    assert 200 == status
    assert await former.receive() == {"type": "superseded", "data": {}}


async def test_client_that_goes_leaves_nothing_behind(site: Site) -> None:
    """
    A request that its client gives up is over: nothing waits, and the attempt can be continued.
    """
    context = site.resources.context
    _, page, code = await opened(site)
    waiting = asyncio.create_task(page.get())
    await attended(site)

    waiting.cancel()
    async with asyncio.timeout(10):  # and not for as long as a request waits
        await site.all_gone()
    await scan(site, code)

    assert 0 == len(context.pages)
    assert ["bind_required"] == [kind for _, kind in told(await page.get())]


async def test_drain_answers_who_waits_and_sends_them_elsewhere(nodes: Nodes) -> None:
    """
    At the end of a process its waiting requests are told 1012, and the next node goes on.
    """
    one, other = nodes
    _, page, code = await opened(one, one.base_url, other.base_url)
    await page.get(after=0)  # of the other node, so that the next one is asked of this one
    waiting = asyncio.create_task(page.get())
    await attended(one)

    await drain(one.server, one.resources.context, 5)
    answer = await waiting
    await scan(other, code)

    assert (200, {"messages": [], "close": 1012}) == answer
    assert ["bind_required"] == [kind for _, kind in told(await page.get())]


# ---- who may ask


@pytest.mark.parametrize("token", ["", "nonsense", "{uuid}", "{uuid}.", "{uuid}.x", "0.{secret}"])
async def test_wrong_secret_is_an_unknown_attempt(site: Site, token: str) -> None:
    """
    Without the very secret of the attempt its name opens nothing.
    """
    _, page, _ = await opened(site)
    uuid, _, secret = page.token.partition(".")
    page.token = token.format(uuid=uuid, secret=secret)

    assert (404, "unknown_attempt") == problem(await page.get())
    assert (404, "unknown_attempt") == problem(await page.post({"type": "get_qr", "data": {}}))


async def test_other_browser_is_told_nothing(site: Site) -> None:
    """
    The secret counts in the browser that began, as with the socket.
    """
    _, page, code = await opened(site)
    await scan(site, code)
    stranger = site.visitor().open_polling()
    stranger.uuid, stranger.token = page.uuid, page.token

    assert (404, "unknown_attempt") == problem(await stranger.get())


async def test_foreign_page_may_not_even_ask(site: Site) -> None:
    """
    Pages of other sites are refused, also where nothing but the secret is missing to them.
    """
    _, page, _ = await opened(site)
    page._headers["Origin"] = "http://evil.example"

    assert (403, "origin_refused") == problem(await page.get())


async def test_allowed_origin_may_show_its_secret(start_site: StartSite) -> None:
    """
    Browsers ask before a page of another origin sends the header: it is allowed.
    """
    shop = "https://shop.example"
    site = await start_site(server={"allowed_origins": [shop]})
    async with site.visitor().http.options("/attempts/0a", headers={"Origin": shop}) as response:
        allowed = response.headers

    assert shop == allowed["Access-Control-Allow-Origin"]
    assert "X-Resume" in allowed["Access-Control-Allow-Headers"].split(", ")


async def test_requests_count_as_pages_of_their_address(start_site: StartSite) -> None:
    """
    `pool.sockets_per_address` counts those that wait; the next is told when to try again.
    """
    site = await start_site(pool={"sockets_per_address": 1})
    _, page, code = await opened(site)
    waiting = asyncio.create_task(page.get())
    await attended(site)

    refused = await site.visitor().request("POST", "/attempts")
    socket = await site.visitor().open_page()
    await scan(site, code)

    assert (429, "rate_limited") == problem(refused)
    assert refused[1]["error"]["retry_after"] >= 1
    assert 4403 == await socket.closed()
    assert ["bind_required"] == [kind for _, kind in told(await waiting)]
    assert 200 == (await site.visitor().request("POST", "/attempts"))[0]


async def test_figure_counts_the_requests_in_hand(site: Site) -> None:
    """
    `saoma_polls_open` is apart from the sockets.
    """

    async def figure(name: str) -> float:
        _, text = await visitor.request("GET", "/metrics")
        lines = [line for line in text.splitlines() if line.startswith(f"{name} ")]
        return float(lines[0].split()[1])

    visitor, page, code = await opened(site)
    before = [await figure(name) for name in ("saoma_polls_open", "saoma_sockets_open")]
    waiting = asyncio.create_task(page.get())
    await attended(site)
    during = [await figure(name) for name in ("saoma_polls_open", "saoma_sockets_open")]
    await scan(site, code)
    await waiting

    assert [1, 0] == [now - then for now, then in zip(during, before, strict=True)]
    assert before[0] == await figure("saoma_polls_open")


# ---- what may not be asked


@pytest.mark.parametrize("after", ["x", "-1", "1.0", "\u0661"])
async def test_number_that_is_none_is_refused(site: Site, after: Any) -> None:
    """
    `after` is a number of this attempt's messages.
    """
    _, page, _ = await opened(site)

    assert (400, "bad_request") == problem(await page.get(after=after))


@pytest.mark.parametrize("body", ["[]", '{"resume": 7}', "hello"])
async def test_bad_opening_is_refused(site: Site, body: str) -> None:
    """
    What opens an attempt is the data of a `get_qr`.
    """
    assert (400, "bad_request") == problem(
        await site.visitor().request("POST", "/attempts", data=body)
    )


@pytest.mark.parametrize("frame", [None, "hello", [], {"type": "qr", "data": {}}])
async def test_bad_frame_is_a_bad_message(site: Site, frame: Any) -> None:
    """
    Frames that no page of ours sends are refused, and the attempt goes on.
    """
    _, page, code = await opened(site)

    answer = await page.post(frame)
    await scan(site, code)

    assert (400, "bad_message") == problem(answer)
    assert ["bind_required"] == [kind for _, kind in told(await page.get())]


async def test_large_frame_is_refused(site: Site) -> None:
    """
    A frame has 4 KiB at the most, on this way too.
    """
    _, page, _ = await opened(site)

    status, _ = await page.post({"type": "choose", "data": {"number": 1, "more": "x" * 4096}})

    assert 413 == status
