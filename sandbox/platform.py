"""The platform's state: what WeChat would remember about one account.

No sockets here: `api` answers calls from it, `phone` acts on it, `server` puts both on the network.
"""

import time

from sandbox.account import Account
from sandbox.chats import Chats
from sandbox.clock import Clock
from sandbox.codes import Codes
from sandbox.faults import Fault, Faults
from sandbox.oauth import OAuth
from sandbox.quotas import Quotas
from sandbox.tokens import AccessTokens
from sandbox.users import Users
from sandbox.windows import Windows


class Platform:
    """Everything the stand-in knows, in memory.

    Args:
        account: Whose platform this is.
        clock: Source of Unix seconds for every lifetime and quota.
    """

    def __init__(self, account: Account, *, clock: Clock = time.time) -> None:
        self.account = account
        self.clock = clock
        self.tokens = AccessTokens(clock)
        self.quotas = Quotas(clock)
        self.codes = Codes(clock)
        self.users = Users(clock)
        self.chats = Chats(clock)
        self.windows = Windows(clock)
        self.faults = Faults()
        self.oauth = OAuth(account, self.users, clock)

    @property
    def repeat_tickets(self) -> bool:
        """Whether a scene whose code is alive gets the same ticket again. Off at first."""
        return self.codes.repeat_tickets

    @repeat_tickets.setter
    def repeat_tickets(self, repeat: bool) -> None:
        self.codes.repeat_tickets = repeat

    def fail(
        self,
        path: str,
        *,
        errcode: int | None = None,
        times: int | None = 1,
        delay: float = 0.0,
        drop: bool = False,
        status: int | None = None,
    ) -> None:
        """Spoil the next *times* calls of *path*; see `Fault` for the ways.

        Raises:
            ValueError: A value makes no sense.
        """
        self.faults.add(Fault(path, errcode, times, delay, drop, status))
