"""Signing in with a password, with and without JavaScript."""

import pytest
from playwright.async_api import expect

from tests.browser.complaints import Complaints
from tests.browser.conftest import OpenSignIn
from tests.site import Site

UNAUTHORIZED = "status of 401"


@pytest.mark.parametrize("scripts", [True, False], ids=["scripts", "no scripts"])
async def test_password_signs_in_and_keeps_where_to(
    site: Site, open_sign_in: OpenSignIn, *, scripts: bool
):
    """
    A right password leads to the page that the visitor came for.
    """
    sign_in = await open_sign_in(site, "/?next=/user%3Ftab%3D2", java_script_enabled=scripts)
    await sign_in.sign_in("alice")

    await sign_in.arrives("/user?tab=2")
    await expect(sign_in.page.get_by_test_id("username")).to_have_text("alice")


@pytest.mark.parametrize("scripts", [True, False], ids=["scripts", "no scripts"])
async def test_wrong_password_is_told_at_the_form_and_can_be_corrected(
    site: Site, open_sign_in: OpenSignIn, complaints: Complaints, *, scripts: bool
):
    """
    The form says what is wrong, keeps where the visitor wanted to go, and takes the right password.
    """
    if scripts:
        complaints.expect(UNAUTHORIZED)
    sign_in = await open_sign_in(site, "/?next=/user%3Ftab%3D2", java_script_enabled=scripts)
    await sign_in.sign_in("alice", "wrong")
    error = sign_in.password_form.get_by_role("alert")
    await expect(error).to_have_text("用户名或密码不对，请再试一次。")
    await expect(error).to_be_visible()
    await expect(sign_in.password_form.locator("[name=password]")).to_have_value("")

    await sign_in.sign_in("alice")
    await sign_in.arrives("/user?tab=2")


async def test_page_without_scripts_shows_the_password_form_and_no_code(
    site: Site, open_sign_in: OpenSignIn
):
    """
    Without JavaScript nothing pretends to be loading; the way in is there.
    """
    sign_in = await open_sign_in(site, java_script_enabled=False)

    await expect(sign_in.page.locator("noscript p")).to_contain_text("JavaScript")
    await expect(sign_in.status).to_be_hidden()
    await expect(sign_in.code).to_be_hidden()


@pytest.mark.parametrize(
    ("username", "empty", "words"),
    [
        ("", "username", "Please enter your user name."),
        ("alice", "password", "Please enter your password."),
    ],
)
async def test_empty_field_is_told_below_it(
    site: Site, open_sign_in: OpenSignIn, username: str, empty: str, words: str
):
    """
    A form with a field left empty says so there, in the page's language, and sends nothing.
    """
    sign_in = await open_sign_in(site, locale="en-US")
    await sign_in.sign_in(username, "")
    field = sign_in.password_form.locator(f"[name={empty}]")

    await expect(field.locator("+ [role=alert]")).to_have_text(words)
    await expect(field).to_be_focused()
    await expect(field).to_have_attribute("aria-invalid", "true")


async def test_wrong_password_at_the_bind_form_is_told_and_can_be_corrected(
    site: Site, open_sign_in: OpenSignIn, complaints: Complaints
):
    """
    The scan stays valid while the visitor finds his password.
    """
    complaints.expect(UNAUTHORIZED)
    sign_in = await open_sign_in(site)
    await site.sandbox.phone.scan(ticket=await sign_in.shows_code())
    await sign_in.bind("alice", "wrong")
    await expect(sign_in.bind_form.get_by_role("alert")).to_have_text(
        "用户名或密码不对，请再试一次。"
    )
    await expect(sign_in.bind_form.locator("[name=password]")).to_be_focused()
    await sign_in.bind("alice")

    await sign_in.arrives("/user")


async def test_start_over_at_the_bind_form_shows_a_new_code(site: Site, open_sign_in: OpenSignIn):
    """
    Somebody whose phone was not the one that scanned gets another code.
    """
    sign_in = await open_sign_in(site)
    ticket = await sign_in.shows_code()
    await site.sandbox.phone.scan(ticket=ticket)
    await sign_in.reach("bind_required")
    await sign_in.page.locator("[data-part=start-over]").click()

    assert ticket != await sign_in.shows_another_code(than=ticket)


async def test_words_in_the_address_are_not_put_on_the_page(site: Site, open_sign_in: OpenSignIn):
    """
    The page without scripts shows errors that it knows; the address cannot choose other words.
    """
    sign_in = await open_sign_in(site, "/?error=success_title", java_script_enabled=False)

    await expect(sign_in.password_form.get_by_role("alert")).to_have_text(
        "出了点问题，请再试一次。"
    )
