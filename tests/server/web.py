"""A visitor's way to WeChat's pages and back, as a browser goes it."""

from typing import Any
from urllib.parse import parse_qs, urlsplit

import aiohttp

from tests.site import ACCOUNT, OPENID, Site, Visitor

INSIDE = "Mozilla/5.0 (Linux; Android 14) AppleWebKit/537.36 Mobile Safari MicroMessenger/8.0.50"
DESK = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/140.0 Safari/537.36"
PHONE = "Mozilla/5.0 (Linux; Android 14) AppleWebKit/537.36 Chrome/140.0 Mobile Safari/537.36"
WECOM = f"{INSIDE} wxwork/4.1"
WEBSITE = {"open_appid": ACCOUNT.open_appid, "open_secret": ACCOUNT.open_secret}
EXCHANGE = "/sns/oauth2/access_token"


def query_of(address: str) -> dict[str, str]:
    """Return the parameters of *address*, each of which stands there once."""
    query = parse_qs(urlsplit(address).query)
    return {name: value for name, (value,) in query.items()}


async def get(visitor: Visitor, path: str, agent: str = INSIDE) -> aiohttp.ClientResponse:
    """Open an address as the browser *agent* does, and follow nothing."""
    headers = {"User-Agent": agent}
    async with visitor.http.get(path, headers=headers, allow_redirects=False) as response:
        await response.read()
    return response


async def go_to_wechat(visitor: Visitor, agent: str = INSIDE, *, onward: str = "") -> str:
    """Start web login; return the address at WeChat."""
    response = await get(visitor, f"/login/wechat{f'?next={onward}' if onward else ''}", agent)
    assert 302 == response.status, await response.text()
    return response.headers["Location"]


async def agree(
    site: Site, address: str, *, openid: str = OPENID, agent: str = INSIDE, **form: Any
) -> str:
    """Answer WeChat's page as the user *openid*; return path and query of the way back."""
    site.sandbox.platform.users.get_or_add(openid)
    async with (
        aiohttp.ClientSession() as http,
        http.post(
            address,
            data={"openid": openid, **form},
            headers={"User-Agent": agent},
            allow_redirects=False,
        ) as response,
    ):
        assert 302 == response.status, await response.text()
        back = response.headers["Location"]
    assert back.startswith(site.base_url)
    return back.removeprefix(site.base_url)


async def way_back(
    site: Site, visitor: Visitor, agent: str = INSIDE, *, onward: str = "", **consent: Any
) -> str:
    """Go to WeChat and agree there; return path and query of the way back."""
    address = await go_to_wechat(visitor, agent, onward=onward)
    return await agree(site, address, agent=agent, **consent)


async def come_in(
    site: Site, visitor: Visitor, agent: str = INSIDE, *, onward: str = "", **consent: Any
) -> aiohttp.ClientResponse:
    """Go the whole way; return the answer to the browser that comes back."""
    return await get(visitor, await way_back(site, visitor, agent, onward=onward, **consent), agent)


async def resume_of(visitor: Visitor, path: str) -> str:
    """Open the sign-in page after web login; return what continues its attempt."""
    response = await get(visitor, path)
    text = await response.text()
    assert 200 == response.status
    return text.partition('data-resume="')[2].partition('"')[0]


def leads_to(response: aiohttp.ClientResponse) -> tuple[int, str]:
    """Return status and address of a redirect."""
    return response.status, response.headers.get("Location", "")
