"""Whose accounts there are, and who judges their passwords, as the settings say."""

from contextlib import AsyncExitStack

from msgspec import Struct

from accounts import (
    Directory,
    Judge,
    Passwords,
    People,
    Unlisted,
    by_hashes,
    open_directory,
    open_table,
    open_verifier,
)
from serving.rules import mapping_of
from settings import Settings


class Residents(Struct, frozen=True):
    """All who have an account. *judge* is None where Saoma keeps the passwords itself."""

    directory: Directory
    judge: Judge | None


async def open_residents(
    stack: AsyncExitStack, settings: Settings, passwords: Passwords
) -> Residents:
    """Open them; *stack* closes them.

    Raises:
        AccountsUnavailable: when there is no driver for a database.
    """
    accounts = settings.accounts
    people, judge = None, None
    if accounts.table:
        people = await _open_table(stack, settings, passwords)
        judge = by_hashes(people, passwords)
    if accounts.verify_url:
        people = people or Unlisted()
        verifier = open_verifier(
            accounts.verify_url, accounts.verify_secret, accounts.verify_seconds
        )
        judge = (await stack.enter_async_context(verifier)).judge
    directory = open_directory(
        accounts.url, settings.wechat.appid, accounts.wechat_per_account, people
    )
    return Residents(await stack.enter_async_context(directory), judge)


async def _open_table(stack: AsyncExitStack, settings: Settings, passwords: Passwords) -> People:
    accounts = settings.accounts
    table = open_table(accounts.table_url or accounts.url, mapping_of(settings), passwords.imitate)
    return await stack.enter_async_context(table)


def site_keeps_accounts(settings: Settings) -> bool:
    """Tell whether accounts are made by the site, and not here."""
    return bool(settings.accounts.table or settings.accounts.verify_url)
