"""The service account that the stand-in plays the platform for."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sandbox.formats import Mode, PushFormat


@dataclass(frozen=True, slots=True)
class Account:
    """Credentials of one service account, as its WeChat console shows them.

    The defaults are a demo account; they are public and protect nothing. Secrets stay out of
    `repr()`.

    Raises:
        ValueError: A value has a shape that WeChat's console would refuse.
    """

    appid: str = "wx5a0a000000000001"
    secret: str = field(default="5a0a5a0a5a0a5a0a5a0a5a0a5a0a5a0a", repr=False)
    token: str = field(default="saomasandbox", repr=False)
    encoding_aes_key: str = field(default="", repr=False)
    """43 characters put the account in safe mode unless another is chosen. Empty: plain."""
    account_id: str = "gh_5a0a00000001"
    """The account's own name in messages, WeChat's `gh_` id."""
    open_appid: str = "wx5a0b000000000001"
    """A website app of the Open Platform, for web login in browsers on a desk."""
    open_secret: str = field(default="5a0b5a0b5a0b5a0b5a0b5a0b5a0b5a0b", repr=False)
    open_bound: bool = True
    """Whether one Open Platform account owns both, so that users have a unionid."""
    web_domain: str = "127.0.0.1"
    """The domain that web login may lead back to, as set in the console: a host, no port."""

    def __post_init__(self) -> None:
        if not self.appid or not self.secret:
            raise ValueError("appid and secret must not be empty")
        # Source: WeChat, message push page: Token has 3 to 32 letters or digits, the key 43.
        if not re.fullmatch(r"[A-Za-z0-9]{3,32}", self.token):
            raise ValueError("token must be 3 to 32 letters or digits")
        if not re.fullmatch(r"(?:[A-Za-z0-9]{43})?", self.encoding_aes_key):
            raise ValueError("encoding AES key must be empty or 43 letters or digits")

    @property
    def safe_mode(self) -> bool:
        """Whether pushes and replies are encrypted, unless another mode is chosen."""
        return bool(self.encoding_aes_key)

    @property
    def push_format(self) -> PushFormat:
        """The format of pushes unless another is chosen."""
        return PushFormat(Mode.SAFE if self.safe_mode else Mode.PLAIN)

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> "Account":
        """Read `SANDBOX_APPID` and so on; what is absent or empty keeps the demo's value."""
        of_service = ("appid", "secret", "token", "encoding_aes_key")
        names = (*of_service, "open_appid", "open_secret", "web_domain")
        found = {name: environment.get(f"SANDBOX_{name.upper()}") for name in names}
        given: dict[str, Any] = {name: value for name, value in found.items() if value}
        return cls(**given)
