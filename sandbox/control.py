"""Trouble on request as one object: what is wrong now, and how to make it right again."""

import time
from dataclasses import dataclass

from sandbox import control_bodies as bodies
from sandbox.api import ENDPOINTS
from sandbox.errors import PhoneError
from sandbox.formats import Data, Mode, PushFormat
from sandbox.platform import Platform
from sandbox.pusher import Pusher


@dataclass(frozen=True, slots=True)
class Control:
    """Steers a platform and its pusher."""

    platform: Platform
    pusher: Pusher

    def state(self) -> dict[str, object]:
        """Return everything that can be steered, as it is now."""
        chosen = self.pusher.push_format
        return {
            "faults": list(self.platform.faults),
            "push_faults": list(self.pusher.faults),
            "held": self.pusher.held,
            "settings": {
                "mode": chosen.mode,
                "data": chosen.data,
                "repeat_tickets": self.platform.repeat_tickets,
            },
            "has_key": bool(self.platform.account.encoding_aes_key),
            "quotas": self.quotas(),
            "ahead": round(self.platform.clock() - time.time()),
        }

    def quotas(self) -> list[dict[str, object]]:
        """Return limit and use of every path of the API; no limit is null."""
        quotas = self.platform.quotas
        return [
            {
                "path": path,
                "daily_limit": quotas.limits.get(path),
                "used": quotas.used(path),
                "minute_limit": quotas.minute_limits.get(path),
                "minute_over": quotas.minute_over(path),
            }
            for path in ENDPOINTS
        ]

    def change_settings(self, asked: bodies.Settings) -> None:
        """Change format and habits.

        Raises:
            PhoneError: The mode needs a key and the account has none.
        """
        now = self.pusher.push_format
        mode = Mode(asked.mode) if asked.mode else now.mode
        data = Data(asked.data) if asked.data else now.data
        try:
            self.pusher.choose(PushFormat(mode, data))
        except ValueError as error:
            raise PhoneError(str(error)) from error
        if asked.repeat_tickets is not None:
            self.platform.repeat_tickets = asked.repeat_tickets

    def change_tokens(self, asked: bodies.Tokens) -> None:
        """Make every access token invalid: `rotate` as replaced, `expire` as at its end."""
        if asked.act == "rotate":
            self.platform.tokens.revoke()
        else:
            self.platform.tokens.expire()

    def change_quota(self, asked: bodies.Quota) -> None:
        """Change the limits of a path, or declare them used up.

        Raises:
            PhoneError: The API has no such path.
        """
        if asked.path not in ENDPOINTS:
            raise PhoneError(f"path must be one of {', '.join(ENDPOINTS)}")
        quotas = self.platform.quotas
        if asked.daily_limit is not None:
            quotas.limits[asked.path] = asked.daily_limit
        if asked.minute_limit is not None:
            quotas.minute_limits[asked.path] = asked.minute_limit
        if asked.use_up == "day":
            quotas.use_up_day(asked.path)
        elif asked.use_up == "minute":
            quotas.use_up_minute(asked.path)

    def put_forward(self, asked: bodies.Jump) -> None:
        """Let time pass: tokens, codes, quotas and windows grow older by it, pushes do not.

        Raises:
            PhoneError: This stand-in's clock cannot be moved.
        """
        advance = getattr(self.platform.clock, "advance", None)
        if advance is None:
            raise PhoneError("the clock of this sandbox cannot be put forward")
        advance(asked.forward)

    def clear(self) -> None:
        """Make everything right again: no faults, WeChat's quotas, the settings of the start.

        Pushes that are kept back go out. The clock stays where it is.
        """
        self.platform.faults.clear()
        self.platform.quotas.restore()
        self.platform.repeat_tickets = False
        self.pusher.choose(self.pusher.first_format)
        self.clear_push_faults()

    def clear_push_faults(self) -> None:
        """Forget the faults of pushes; those that are kept back go out."""
        self.pusher.faults.clear()
        self.pusher.release()
