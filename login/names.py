"""The name of an account that the first scan made: its owner may choose another, once."""

import logging

from msgspec.structs import replace

from accounts import Account, Directory, is_name
from login.errors import BadName, RateLimited
from login.outages import outages
from store import Limit, Throttle

log = logging.getLogger(__name__)

# Whoever tries names learns which exist: enough for a person, too few for a list.
TRIES = 20
TRIES_SECONDS = 3600.0


class Names:
    """Gives names. Raises `LoginError`s only."""

    def __init__(self, directory: Directory, throttle: Throttle) -> None:
        self._directory = directory
        self._throttle = throttle

    async def choose(self, account: Account, username: str) -> Account:
        """Give the signed-in *account* another name; return it as it is from now on.

        Raises:
            BadName, NameTakenError, NameFixedError, RateLimited
        """
        chosen = username.strip()
        if not is_name(chosen):
            raise BadName
        with outages(account):
            limit = Limit(f"name {account.id}", TRIES, TRIES_SECONDS)
            _, wait = await self._throttle.count([limit])
            if wait:
                raise RateLimited(wait)
            await self._directory.rename(account.id, chosen)
        log.info("renamed account=%d", account.id)
        return replace(account, username=chosen, generated=False)
