"""A whole site on each kind of database."""

from pathlib import Path

from tests.server.test_bind import bind, scanned
from tests.site import OPENID, PASSWORD, open_site


async def test_site_works_on_every_database(store_url: str, folder: Path, sql_url: str) -> None:
    """
    Password, binding, scan, session and the way back, as an operator's database has them.
    """
    async with open_site(store_url, folder, accounts={"url": sql_url}) as site:
        await site.add_account("alice")
        visitor = site.visitor()
        _, token = await scanned(site, visitor)
        bound = await bind(visitor, token)
        other = site.visitor()
        page = await other.open_page()
        await site.sandbox.phone.scan(ticket=(await page.get_qr())["ticket"], openid=OPENID)
        traded = await other.post("/session", code=(await page.expect("success"))["code"])
        session = await other.request("GET", "/session")
        strange = await visitor.post("/login", username="ali\x00ce", password=PASSWORD)
        unbound = await visitor.post("/user/unbind", password=PASSWORD)
        gone = await other.request("GET", "/session")
        ready = await other.request("GET", "/readyz")

    assert (200, 200, 401, 200) == (bound[0], traded[0], strange[0], unbound[0])
    assert {"username": "alice", "wechat_bound": True} == session[1]
    assert 401 == gone[0]
    assert "ok" == ready[1]["accounts"]
