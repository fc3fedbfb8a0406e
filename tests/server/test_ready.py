"""`pool.ready`: pages that open show codes that were made ahead."""

from serving import drain
from tests.faults.scans import until
from tests.server.conftest import StartSite
from tests.server.test_operations import figure, figures
from tests.site import Site

CREATE = "/cgi-bin/qrcode/create"


async def has_ready(site: Site, count: int) -> None:
    """Return when the site has so many codes ready."""

    async def found() -> bool:
        return count == figure(await figures(site), "saoma_codes_ready")

    await until(found)


async def test_pages_open_while_wechat_makes_no_codes(start_site: StartSite) -> None:
    """
    As many pages as codes are ready get theirs, whole and without a call to WeChat.
    """
    site = await start_site(pool={"ready": 2})
    await has_ready(site, 2)
    site.sandbox.platform.fail(CREATE, errcode=-1, times=None)

    codes = [await (await site.visitor().open_page()).get_qr() for _ in range(2)]

    shown = [site.sandbox.platform.codes.by_ticket(code["ticket"]) for code in codes]
    assert [code["url"] for code in codes] == [each.url for each in shown if each]
    assert 2 == len({code["uuid"] for code in codes})
    assert all(170 <= code["expires"] <= 180 for code in codes)


async def test_drain_gives_ready_codes_back(start_site: StartSite) -> None:
    """
    A process that ends leaves no scene id leased, though nobody has seen its codes.
    """
    site = await start_site(pool={"ready": 3})
    await has_ready(site, 3)

    await drain(site.server, site.resources.context, 5)

    assert {"leased": 0, "resting": 3, "free": 9997} == await site.resources.pool.count()
