"""The pages as visitors use them: what is there to see, and what can be done with it."""

import re

from playwright.async_api import FloatRect, Locator, Page, WebSocket, expect

from tests.browser.qr_reader import read_code
from tests.site import PASSWORD

# What the rounded corners of the code's light square take from its sides.
ROUNDED_PX = 6


class SignIn:
    """The sign-in page, or the user page with its code: whatever shows an attempt."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.main = page.locator("main")
        self.code = page.get_by_test_id("code")
        self.status = page.get_by_test_id("status")
        self.retry = page.get_by_test_id("retry")
        self.numbers = page.get_by_test_id("number")
        self.bind_form = page.get_by_test_id("bind-form")
        self.password_form = page.get_by_test_id("password-form")
        self.password_fold = page.locator("summary")

    async def reach(self, state: str) -> None:
        """Wait until the page is in that *state*."""
        await expect(self.main).to_have_attribute("data-state", state)

    async def shows_code(self) -> str:
        """Wait until a code is to be seen; return its ticket."""
        await self.reach("waiting")
        await expect(self.code).to_be_visible()
        return await self.code.get_attribute("data-ticket") or ""

    async def shows_another_code(self, than: str) -> str:
        """Wait until a code *than* another is to be seen; return its ticket."""
        await expect(self.code).not_to_have_attribute("data-ticket", than)
        return await self.shows_code()

    async def read_code(self) -> str:
        """Return what the code on the screen says, read from its pixels as a phone does."""
        await expect(self.code).to_have_css("opacity", "1")
        await expect(self.code).to_have_css("transform", "none")
        box = await self.code.bounding_box()
        assert box is not None
        inside = FloatRect(
            x=box["x"] + ROUNDED_PX,
            y=box["y"] + ROUNDED_PX,
            width=box["width"] - 2 * ROUNDED_PX,
            height=box["height"] - 2 * ROUNDED_PX,
        )
        return read_code(await self.page.screenshot(clip=inside))

    async def remember(self) -> None:
        """Leave a mark that a reload would wipe out."""
        await self.page.evaluate("window.sameDocument = true")

    async def remembers(self) -> bool:
        """Tell whether the page is still the document that was marked."""
        same: bool = await self.page.evaluate("window.sameDocument === true")
        return same

    async def choose(self, number: str) -> None:
        """Pick the number that the phone shows."""
        await self.page.bring_to_front()  # behind others, browsers draw once a second
        await self.numbers.filter(has_text=number).click()

    async def choose_other(self, number: str) -> None:
        """Pick a number that is not the one that the phone shows."""
        await self.page.bring_to_front()
        await self.numbers.filter(has_not_text=number).first.click()

    async def ask_again(self) -> None:
        """Ask for what comes next, where the page waits for that."""
        await self.page.bring_to_front()
        await self.retry.click()

    async def bind(self, username: str, password: str = PASSWORD) -> None:
        """Fill and send the bind form."""
        await self.reach("bind_required")
        await self.page.bring_to_front()
        await fill_and_send(self.bind_form, username, password)

    async def sign_in(self, username: str, password: str = PASSWORD) -> None:
        """Open the password form, fill and send it."""
        if not await self.password_form.is_visible():
            await self.password_fold.click()
        await fill_and_send(self.password_form, username, password)

    async def arrives(self, path: str = "/user") -> None:
        """Wait until the page that the visitor wanted is there."""
        await expect(self.page).to_have_url(re.compile(rf"^https?://[^/]+{re.escape(path)}$"))

    async def sign_out(self) -> None:
        """Sign out on the user page, and come back to the sign-in page."""
        await self.page.bring_to_front()
        await self.page.get_by_test_id("sign-out").click()
        await self.arrives("/")


class Phone:
    """The virtual phone's page."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.picker = page.get_by_test_id("user-picker")
        self.codes = page.get_by_test_id("code-item")
        self.address = page.get_by_test_id("code-address")
        self.status = page.get_by_test_id("status")
        self.replies = page.locator('[data-testid=bubble][data-kind="reply"]')
        self.notes = page.get_by_test_id("note")
        self.follow = page.get_by_test_id("follow")

    async def pick_user(self, name: str) -> None:
        """Hand the phone to the user with that *name*."""
        option = self.picker.locator("option", has_text=name)
        await self.picker.select_option(await option.get_attribute("value"))

    async def scan(self, ticket: str) -> None:
        """Choose a waiting code and scan it."""
        await self.page.bring_to_front()
        await self.page.locator(f'[data-testid=code-item][data-ticket="{ticket}"]').click()
        await self.page.get_by_test_id("scan").click()

    async def write(self, text: str) -> None:
        """Write a message to the account."""
        await self.page.bring_to_front()
        await self.page.get_by_test_id("message-input").fill(text)
        await self.page.get_by_test_id("message-send").click()

    async def last_reply(self) -> str:
        """Wait for a reply; return the newest."""
        await expect(self.replies).not_to_have_count(0)
        return await self.replies.last.inner_text()


async def fill_and_send(form: Locator, username: str, password: str) -> None:
    """Fill in user name and password, and send the form with the keyboard."""
    await form.locator("[name=username]").fill(username)
    await form.locator("[name=password]").fill(password)
    await form.locator("[name=password]").press("Enter")


def frames_sent(page: Page) -> list[list[str]]:
    """Return the list that what *page* says will be in, socket by socket."""
    sent: list[list[str]] = []

    def opened(socket: WebSocket) -> None:
        frames: list[str] = []
        sent.append(frames)
        socket.on("framesent", lambda frame: frames.append(str(frame)))

    page.on("websocket", opened)
    return sent
