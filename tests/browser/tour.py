"""Every state of an attempt on one page, one after the other, for tests of what states look like.

The words come from the server's end of the page's own socket; how a state really comes about is
for other tests.
"""

import json
from collections.abc import AsyncIterator
from typing import Any

from handlers.open_socket import OpenSocket
from tests.browser.pages import SignIn
from tests.site import Site

# Holds back what the page says to the server, as a slow network does.
HOLD = """() => {
    const { send } = WebSocket.prototype;
    const held = [];
    WebSocket.prototype.send = function (text) { held.push([this, text]); };
    window.letGo = () => {
        WebSocket.prototype.send = send;
        const open = held.filter(([socket]) => socket.readyState === WebSocket.OPEN);
        for (const [socket, text] of open) socket.send(text);
    };
}"""
STATES = (
    *("loading", "waiting", "scanned", "choose", "denied", "idle", "busy", "unreachable"),
    *("bind_required", "success", "superseded", "refused", "offline"),
)
OFFLINE = ("ERR_INTERNET_DISCONNECTED",)
REFUSED_CODE = 4403
# A page is cut off this long before it says so.
LONGER_THAN_A_BLIP_MS = 2_000


def sockets(site: Site) -> list[OpenSocket]:
    """Return the pages' sockets, as the server holds them."""
    opened = site.resources.context.sockets.open
    return [each for each in opened if isinstance(each, OpenSocket)]


class Tour:
    """Leads a page, whose clock is the test's, through the states."""

    def __init__(self, site: Site, shown: SignIn, url: str = "") -> None:
        self.site = site
        self.shown = shown
        self.url = url or site.base_url

    async def say(self, kind: str, **data: Any) -> None:
        """Say something to the page in the server's name."""
        (socket,) = sockets(self.site)
        socket.send(json.dumps({"type": kind, "data": data}))

    async def states(self) -> AsyncIterator[str]:
        """Load the page, lead it from state to state; yield the name of each when it is there."""
        shown = self.shown
        await shown.page.add_init_script(f"({HOLD})()")
        await shown.page.goto(self.url)
        await shown.reach("loading")
        yield "loading"
        await self._begin()
        yield "waiting"
        await self.say("scanned")
        await shown.reach("scanned")
        yield "scanned"
        await self.say("scanned", choices=[17, 42, 63])
        await shown.numbers.first.wait_for()
        yield "choose"
        await self.say("denied")
        await shown.reach("denied")
        yield "denied"
        await shown.ask_again()
        await shown.shows_code()
        await self.say("expired", pause="idle")
        await shown.reach("idle")
        yield "idle"
        await self.say("error", code="pool_exhausted", message="", retry_after=60)
        await shown.reach("busy")
        yield "busy"
        await self.say("error", code="wechat_unavailable", message="", retry_after=60)
        await shown.page.locator('[href="#picture-unreachable"]').wait_for(state="attached")
        yield "unreachable"
        await self.say("bind_required", bind_token="-", expires=600)
        await shown.reach("bind_required")
        yield "bind_required"
        await shown.bind_form.locator("[data-part=start-over]").click()
        await shown.shows_code()
        # The trade of the login code is never sent: a request that is held back in the browser
        # was let through once, when its page had gone.
        await shown.page.evaluate("() => { window.fetch = () => new Promise(() => {}); }")
        await self.say("success", code="-", expires=60)
        await shown.reach("success")
        yield "success"
        await shown.page.evaluate("sessionStorage.clear()")  # so that another attempt begins
        await shown.page.reload()
        await self._begin()
        async for state in self._apart():
            yield state

    async def _begin(self) -> None:
        await self.shown.page.evaluate("letGo()")
        await self.shown.shows_code()

    async def _apart(self) -> AsyncIterator[str]:
        """Lead a page with a code through the states in which it has no socket."""
        shown = self.shown
        await self.say("superseded")
        await shown.reach("superseded")
        yield "superseded"
        await self.site.all_gone()
        await shown.ask_again()
        await shown.shows_code()
        (socket,) = sockets(self.site)
        socket.close(REFUSED_CODE)
        await shown.reach("refused")
        yield "refused"
        await self.site.all_gone()
        await shown.ask_again()
        await shown.shows_code()
        (socket,) = sockets(self.site)
        await shown.page.context.set_offline(offline=True)
        socket.close()
        await self.site.all_gone()
        await shown.page.clock.fast_forward(LONGER_THAN_A_BLIP_MS)
        await shown.reach("offline")
        yield "offline"
        await shown.page.context.set_offline(offline=False)
