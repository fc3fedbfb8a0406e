"""Trouble on request on the network: `/sandbox/...`, as JSON for programs and for the page.

`GET` reads, `POST` adds or changes, `DELETE` clears. A bad request is 400 with a sentence.
"""

from sandbox import control_bodies as bodies
from sandbox.control import Control
from sandbox.errors import PhoneError
from sandbox.faults import Fault, PushFault
from sandbox.phone_handlers import JsonHandler


class ControlHandler(JsonHandler):
    """A request that steers the stand-in."""

    def initialize(self, control: Control) -> None:  # type: ignore[override]
        self.control = control

    def finish_empty(self) -> None:
        """End a request that clears something."""
        self.set_status(204)
        self.finish()


class ChangeHandler(ControlHandler):
    """A `POST` that changes something; answered with the whole state afterwards."""

    def change(self) -> None:
        """Do it."""
        raise NotImplementedError

    def post(self) -> None:
        try:
            self.change()
        except PhoneError as error:
            self.refuse(error)
        else:
            self.finish_json(self.control.state())


class ControlStateHandler(ControlHandler):
    """`/sandbox/state`: `GET` all that can be steered, `DELETE` to make it right again."""

    def get(self) -> None:
        self.finish_json(self.control.state())

    def delete(self) -> None:
        self.control.clear()
        self.finish_empty()


class FaultsHandler(ControlHandler):
    """`/sandbox/faults`: those of the API that are to come; `POST` one more, `DELETE` all."""

    def get(self) -> None:
        self.finish_json({"faults": list(self.control.platform.faults)})

    def post(self) -> None:
        try:
            fault = self.read(Fault)
        except PhoneError as error:
            self.refuse(error)
        else:
            self.control.platform.faults.add(fault)
            self.finish_json(fault)

    def delete(self) -> None:
        self.control.platform.faults.clear()
        self.finish_empty()


class PushFaultsHandler(ControlHandler):
    """`/sandbox/push-faults`: those of pushes; `DELETE` lets held pushes go, too."""

    def get(self) -> None:
        pusher = self.control.pusher
        self.finish_json({"faults": list(pusher.faults), "held": pusher.held})

    def post(self) -> None:
        try:
            fault = self.read(PushFault)
        except PhoneError as error:
            self.refuse(error)
        else:
            self.control.pusher.faults.add(fault)
            self.finish_json(fault)

    def delete(self) -> None:
        self.control.clear_push_faults()
        self.finish_empty()


class SettingsHandler(ChangeHandler):
    """`POST /sandbox/settings`: the format of pushes, and whether live scenes repeat tickets."""

    def change(self) -> None:
        self.control.change_settings(self.read(bodies.Settings))


class TokensHandler(ChangeHandler):
    """`POST /sandbox/tokens`: make every access token invalid."""

    def change(self) -> None:
        self.control.change_tokens(self.read(bodies.Tokens))


class QuotasHandler(ChangeHandler):
    """`/sandbox/quotas`: `POST` changes a path's, `DELETE` restores WeChat's own."""

    def get(self) -> None:
        self.finish_json({"quotas": self.control.quotas()})

    def change(self) -> None:
        self.control.change_quota(self.read(bodies.Quota))

    def delete(self) -> None:
        self.control.platform.quotas.restore()
        self.finish_empty()


class ClockHandler(ChangeHandler):
    """`POST /sandbox/clock`: let time pass."""

    def change(self) -> None:
        self.control.put_forward(self.read(bodies.Jump))


class CheckHandler(ControlHandler):
    """`POST /sandbox/check`: check the callbacks as the console does when an address is saved."""

    async def post(self) -> None:
        self.finish_json({"callbacks": await self.control.pusher.check()})


ADDRESSES = [
    ("/sandbox/state", ControlStateHandler),
    ("/sandbox/faults", FaultsHandler),
    ("/sandbox/push-faults", PushFaultsHandler),
    ("/sandbox/settings", SettingsHandler),
    ("/sandbox/tokens", TokensHandler),
    ("/sandbox/quotas", QuotasHandler),
    ("/sandbox/clock", ClockHandler),
    ("/sandbox/check", CheckHandler),
]
