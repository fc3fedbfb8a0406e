"""The browser of tests and pictures: the system's Chromium, or Playwright's own.

The headless shell is the same engine without Chromium's own windows, which take more than half
of the time of a test; Playwright's own is one, too.
"""

import os
import shutil

from playwright.async_api import Browser, Playwright

NAMES = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")
ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


async def launch(playwright: Playwright, *arguments: str) -> Browser:
    """Start the browser, with further command line *arguments*."""
    path = next(filter(None, map(shutil.which, NAMES)), None)
    return await playwright.chromium.launch(
        executable_path=path, args=[*ARGUMENTS, *arguments], env=dict(os.environ)
    )
