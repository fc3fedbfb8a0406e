"""User names and passwords that somebody enters: right or wrong, and how often they may try."""

import logging

from accounts import (
    Account,
    AccountInactive,
    AccountsUnavailable,
    Directory,
    Judge,
    KnownBrowsers,
    Passwords,
    fold,
)
from login.errors import BadCredentials, BindTokenGone, RateLimited
from login.rules import Rules
from store import Limit, Throttle, network_of

log = logging.getLogger(__name__)


class Credentials:
    """Checks them. What may go wrong with store and accounts is left to the caller."""

    def __init__(
        self,
        directory: Directory,
        browsers: KnownBrowsers,
        passwords: Passwords,
        throttle: Throttle,
        rules: Rules,
        foreign: Judge | None = None,
    ) -> None:
        """*foreign* judges the passwords of a site that keeps its people itself."""
        self._directory = directory
        self._browsers = browsers
        self._passwords = passwords
        self._foreign = foreign
        self._throttle = throttle
        self._rules = rules

    async def check(self, username: str, password: str, address: str, browser: str = "") -> Account:
        """Return the account when the password is right; count the try before looking.

        *browser* is the digest of the browser's own cookie.

        Raises:
            BadCredentials, RateLimited
            AccountInactive: the password is right, and the site does not let them in.
        """
        limits, name = await self._admit(username, address, browser)
        try:
            account = await self._judge(username, password)
        except (AccountsUnavailable, AccountInactive):
            await self._throttle.forgive(limits, name)  # not wrong
            raise
        await self._throttle.forgive(limits, name)
        return account

    async def check_to_bind(
        self, username: str, password: str, address: str, attempt: str, browser: str = ""
    ) -> Account:
        """Do what `check` does for an attempt, which allows a few tries only.

        Raises:
            BindTokenGone, BadCredentials, RateLimited
        """
        rules = self._rules
        tries = Limit(f"bind {attempt}", rules.password_tries_per_bind, rules.bind_seconds)
        name, wait = await self._throttle.count([tries])
        if wait:
            raise BindTokenGone
        try:
            account = await self.check(username, password, address, browser)
        except (RateLimited, AccountsUnavailable, AccountInactive):
            await self._throttle.forgive([tries], name)
            raise
        await self._throttle.forgive([tries], name)
        return account

    async def _judge(self, username: str, password: str) -> Account:
        """Return the account when the password is right, by whoever keeps the passwords.

        Raises:
            BadCredentials: for the account that was asked for, if there is one.
        """
        if self._foreign:
            person = await self._foreign(username, password)
            if person:
                return await self._directory.welcome(person)
            raise _wrong(await self._directory.by_username(username))
        account = await self._directory.by_username(username)
        known = account.password_hash if account else None
        if not await self._passwords.verify(known, password) or account is None:
            raise _wrong(account)
        if known and self._passwords.needs_rehash(known):
            await self._directory.set_password_hash(
                account.id, await self._passwords.hash(password)
            )
        return account

    async def _admit(self, username: str, address: str, browser: str) -> tuple[list[Limit], str]:
        """Count a try; return under which limits, and its name.

        Strangers' guesses do not lock anybody out of a browser in which they have signed in
        before: there its own tries alone count. Names that do not exist take the same way.
        """
        limits = self._limits(username, address, browser)
        name, wait = await self._throttle.count(limits)
        if wait and await self._is_known(username, browser):
            limits = limits[:1]
            name, wait = await self._throttle.count(limits)
        if wait:
            raise RateLimited(wait)
        return limits, name

    async def _is_known(self, username: str, browser: str) -> bool:
        account = await self._directory.by_username(username)
        return await self._browsers.knows(account.id if account else 0, browser)

    def _limits(self, username: str, address: str, browser: str) -> list[Limit]:
        """Return the limits of a try, that of account and browser first."""
        rules, name = self._rules, fold(username)
        tries = {
            f"account {name} in {browser}": rules.password_tries_per_account,
            f"account {name}": rules.password_tries_per_account,
            f"address {network_of(address)}": rules.password_tries_per_address,
            "passwords": rules.password_tries_overall,
        }
        window = rules.password_window_seconds
        return [Limit(what, most, window) for what, most in tries.items()]


def _wrong(account: Account | None) -> BadCredentials:
    log.info("wrong password account=%s", account.id if account else "none")
    error = BadCredentials()
    error.account = account
    return error
