"""What WeChat tells of a follower, against the stand-in's real API."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tornado.httpserver import HTTPServer
from tornado.netutil import bind_sockets
from tornado.web import Application, RequestHandler

from tests.site import Site, open_site
from wechat import Client, WeChatRefused, WeChatUnavailable, unionid_of
from wechat.client import USERS_ENDPOINT

TOKEN = b'{"access_token": "x", "expires_in": 7200}'


class Odd(RequestHandler):
    """Answers with a body that no description of the API has."""

    def initialize(self, body: bytes) -> None:
        self.body = body

    def post(self) -> None:
        self.finish(self.body)


@pytest.fixture
def client(site: Site) -> Client:
    """The client of a running site."""
    return site.resources.context.pages.client


@pytest.fixture
def openids(site: Site) -> dict[str, str]:
    """The demo users' openids by name."""
    return {user.name: user.openid for user in site.sandbox.platform.users}


@pytest.fixture
async def odd_client(
    request: pytest.FixtureRequest, store_url: str, folder: Path
) -> AsyncIterator[Client]:
    """A client of an API that answers with the test's own body."""
    handlers = [
        ("/cgi-bin/stable_token", Odd, {"body": TOKEN}),
        (USERS_ENDPOINT, Odd, {"body": request.param}),
    ]
    server = HTTPServer(Application(handlers, log_function=lambda _: None))
    (socket,) = bind_sockets(0, "127.0.0.1")
    server.add_socket(socket)
    base_url = f"http://127.0.0.1:{socket.getsockname()[1]}"
    async with open_site(store_url, folder, wechat={"api_base_url": base_url}) as site:
        yield site.resources.context.pages.client
    server.stop()
    await server.close_all_connections()


async def test_unionid_of_a_follower_is_told(site: Site, client: Client, openids: dict[str, str]):
    """
    A follower has the unionid that other accounts of the same owner know too.
    """
    platform = site.sandbox.platform
    found = await unionid_of(client, openids["小明"])

    assert found
    assert platform.oauth.unionid_of(platform.users.get(openids["小明"])) == found


async def test_nothing_is_told_of_who_does_not_follow(client: Client, openids: dict[str, str]):
    """
    WeChat tells an account of its followers only.
    """
    assert "" == await unionid_of(client, openids["小刚"])


async def test_unknown_user_is_an_error(client: Client):
    """
    An openid that is another account's is refused.
    """
    with pytest.raises(WeChatRefused):
        await unionid_of(client, "oUnknown")


@pytest.mark.parametrize(
    "odd_client",
    [
        b"{}",
        b'{"user_info_list": []}',
        b'{"user_info_list": 7}',
        b'{"user_info_list": [7]}',
        b'{"user_info_list": [{"openid": "other", "unionid": "u"}]}',
        b'{"user_info_list": [{"openid": "o", "unionid": 7}]}',
        b'{"user_info_list": [{"openid": "o", "unionid": "' + b"u" * 65 + b'"}]}',
        b'{"user_info_list": [{"openid": "o"}, {"openid": "o"}]}',
    ],
    indirect=True,
)
async def test_answer_that_is_none_tells_no_unionid(odd_client: Client):
    """
    What is not about this user, or is no unionid, is taken for no answer.
    """
    with pytest.raises(WeChatUnavailable):
        await unionid_of(odd_client, "o")


@pytest.mark.parametrize(
    "odd_client", [b'{"errcode": 40099, "errmsg": "odd openid oSomebody12345"}'], indirect=True
)
async def test_words_of_wechat_that_repeat_an_openid_are_scrubbed(odd_client: Client):
    """
    The error goes to the log, and openids do not.
    """
    with pytest.raises(WeChatRefused, match=r"errcode=40099 .*odd openid \*\*\*$"):
        await unionid_of(odd_client, "oSomebody12345")
