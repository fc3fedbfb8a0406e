"""The main job, over real sockets: a code, a scan, an account, a session."""

from tests.site import OPENID, PASSWORD, Site


async def test_scan_of_a_new_user_ends_in_a_bound_account_and_then_signs_in(site: Site):
    """
    A WeChat user without an account binds once, and is signed in by the next scan.
    """
    await site.add_account("alice")
    visitor = site.visitor()
    page = await visitor.open_page()
    code = await page.get_qr()

    first = await site.sandbox.phone.scan(ticket=code["ticket"], openid=OPENID)
    token = (await page.expect("bind_required"))["bind_token"]
    bound = await visitor.post("/user/bind", bind_token=token, username="alice", password=PASSWORD)
    signed_out = await visitor.request("DELETE", "/session")
    page = await visitor.open_page()
    code = await page.get_qr()
    second = await site.sandbox.phone.scan(ticket=code["ticket"], openid=OPENID)
    login_code = (await page.expect("success"))["code"]
    traded = await visitor.post("/session", code=login_code)

    assert "绑定" in (first.reply or "")
    assert (200, {"status": True, "username": "alice"}) == bound
    assert 204 == signed_out[0]
    assert "登录成功" in (second.reply or "")
    assert (200, {"username": "alice", "next": "/user"}) == traded
    assert (200, {"username": "alice", "wechat_bound": True}) == await visitor.request(
        "GET", "/session"
    )
