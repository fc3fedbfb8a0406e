"""What `make run` makes and prints: an account to try everything with, and where to click."""

from contextlib import suppress

from accounts import Passwords, UsernameTaken, open_directory
from serving.people import site_keeps_accounts
from settings import Settings

DEMO = ("demo", "saoma-demo")


async def demonstrate(settings: Settings) -> None:
    """Make the demo account, unless the site keeps the accounts, and say where to click.

    Raises:
        AccountsUnavailable: when the accounts cannot be opened.
    """
    if not site_keeps_accounts(settings):
        await _make_account(settings)
    print(welcome(settings), flush=True)  # noqa: T201, meant for the terminal


async def _make_account(settings: Settings) -> None:
    username, password = DEMO
    hashed = await Passwords().hash(password)
    async with open_directory(settings.accounts.url, settings.wechat.appid) as directory:
        with suppress(UsernameTaken):  # of an earlier start
            await directory.add(username, hashed)


def welcome(settings: Settings) -> str:
    """Return what `make run` prints once everything is up."""
    account = "one of yours" if site_keeps_accounts(settings) else " / ".join(DEMO)
    return f"""
  Saoma is running.

    sign-in page    {settings.server.public_url}
    virtual phone   {settings.wechat.mp_base_url}/phone
    demo account    {account}

  Open both and press Scan on the phone. The page asks for an account: enter that
  one, once. Sign out and scan again: now the scan is enough.

  Then send T on the phone: the page is signed out. The button below the code
  signs in on WeChat's own page instead, which the sandbox plays, too.

  Ctrl-C stops everything.
"""
