"""User names and passwords that somebody enters: right or wrong, and how often they may try."""

import logging

from accounts import Account, AccountsUnavailable, Directory, Passwords, fold
from login.errors import BadCredentials, BindTokenGone, RateLimited
from login.rules import Rules
from store import Limit, Throttle

log = logging.getLogger(__name__)


class Credentials:
    """Checks them. What may go wrong with store and accounts is left to the caller."""

    def __init__(
        self, directory: Directory, passwords: Passwords, throttle: Throttle, rules: Rules
    ) -> None:
        self._directory = directory
        self._passwords = passwords
        self._throttle = throttle
        self._rules = rules

    async def check(self, username: str, password: str, address: str) -> Account:
        """Return the account when the password is right; count the try before looking.

        Raises:
            BadCredentials, RateLimited
        """
        limits = self._limits(username, address)
        name, wait = await self._throttle.count(limits)
        if wait:
            raise RateLimited(wait)
        try:
            account = await self._directory.by_username(username)
        except AccountsUnavailable:
            await self._throttle.forgive(limits, name)  # not wrong: nobody could look
            raise
        known = account.password_hash if account else None
        if not await self._passwords.verify(known, password) or account is None:
            log.info("wrong password account=%s", account.id if account else "none")
            raise BadCredentials
        await self._throttle.forgive(limits, name)
        if known and self._passwords.needs_rehash(known):
            await self._directory.set_password_hash(
                account.id, await self._passwords.hash(password)
            )
        return account

    async def check_to_bind(
        self, username: str, password: str, address: str, attempt: str
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
            account = await self.check(username, password, address)
        except (RateLimited, AccountsUnavailable):
            await self._throttle.forgive([tries], name)
            raise
        await self._throttle.forgive([tries], name)
        return account

    def _limits(self, username: str, address: str) -> list[Limit]:
        rules = self._rules
        window = rules.password_window_seconds
        return [
            Limit(f"account {fold(username)}", rules.password_tries_per_account, window),
            Limit(f"address {address}", rules.password_tries_per_address, window),
        ]
