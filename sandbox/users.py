"""The people who hold the virtual phone.

Three are there from the start, with openids that never change, so that accounts bound to them in
development stay bound. The rest are made on the fly and forgotten when there are too many.
"""

import re
import secrets
from collections.abc import Iterator
from dataclasses import dataclass

from sandbox.clock import Clock
from sandbox.errors import PhoneError, UnknownUser

MOST_USERS = 10_000

_OPENID = re.compile(r"[A-Za-z0-9_.@-]{1,64}")
_PREFIX = "oQ7dX5"  # the openids of one account begin alike
_DEMO = (
    ("oQ7dX5kV3mZr9TfGh2LwYpN8sBcE", "小明", True),
    ("oQ7dX5t_HbW61yUqRj4xKoA-zMvI", "小红", True),
    ("oQ7dX5C0nSg7eDiPl-82JuFQwXaY", "小刚", False),
)


@dataclass(slots=True)
class User:
    """One WeChat user, as this account sees them."""

    openid: str
    name: str
    follower: bool = False
    followed_at: float = 0.0
    followed_by: int | str | None = None
    """The scene of the code that made them follow; None when it was no code."""


class Users:
    """Everyone the platform knows, in the order they came."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._made = 0
        self._users: dict[str, User] = {}
        for openid, name, follower in _DEMO:
            self.add(openid=openid, name=name, follower=follower)

    def __iter__(self) -> Iterator[User]:
        return iter(list(self._users.values()))

    def get(self, openid: str) -> User:
        """Return the user with *openid*.

        Raises:
            UnknownUser: There is none.
        """
        try:
            return self._users[openid]
        except KeyError:
            raise UnknownUser("no user has this openid") from None

    def find(self, openid: str) -> User | None:
        """Return the user with *openid*, or None."""
        return self._users.get(openid)

    def get_or_add(self, openid: str | None) -> User:
        """Return the user with *openid*, made now if need be; None makes one with a new openid."""
        return (self._users.get(openid) if openid else None) or self.add(openid=openid)

    def add(
        self, *, openid: str | None = None, name: str | None = None, follower: bool = False
    ) -> User:
        """Make a user, who follows the account already when *follower* says so.

        Raises:
            PhoneError: The openid is taken or is no openid, or the name is too long.
        """
        openid = _PREFIX + secrets.token_urlsafe(17)[:22] if openid is None else openid
        if not _OPENID.fullmatch(openid):
            raise PhoneError("an openid is 1 to 64 letters, digits and _ . @ -")
        if openid in self._users:
            raise PhoneError("this openid is taken")
        if name is not None and not 1 <= len(name) <= 32:
            raise PhoneError("a name has 1 to 32 characters")
        self._make_room()
        self._made += 1
        user = User(openid, name or f"用户 {self._made}")
        self._users[openid] = user
        if follower:
            self.follow(user, scene=None)
        return user

    def follow(self, user: User, *, scene: int | str | None) -> None:
        """Make *user* a follower from now on, because of the code of *scene* if that is why."""
        user.follower = True
        user.followed_at = self._clock()
        user.followed_by = scene

    def _make_room(self) -> None:
        if len(self._users) >= MOST_USERS:
            demo = {openid for openid, _, _ in _DEMO}
            del self._users[next(openid for openid in self._users if openid not in demo)]
