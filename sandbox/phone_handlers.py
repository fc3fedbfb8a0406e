"""The virtual phone on the network, as JSON for programs and for the page."""

from collections.abc import Iterable
from typing import Any, TypeVar
from urllib.parse import urlsplit

import msgspec
from tornado.web import RequestHandler

from sandbox import phone_bodies as bodies
from sandbox.codes import Code
from sandbox.errors import PhoneError
from sandbox.phone import Done, Phone
from sandbox.platform import Platform

Body = TypeVar("Body")

MOST_CODES = 50
MOST_USERS = 200


class JsonHandler(RequestHandler):
    """JSON in and out; errors are `{"error": word, "message": sentence}`."""

    def initialize(self, platform: Platform, phone: Phone) -> None:
        self.platform = platform
        self.phone = phone

    def prepare(self) -> None:
        """Refuse what another site's page sends: the phone has no other protection."""
        origin = self.request.headers.get("Origin")
        if origin is not None and urlsplit(origin).netloc != self.request.host:
            self.set_status(403)
            self.finish_json({"error": "foreign_origin", "message": "sent by another site's page"})

    def set_default_headers(self) -> None:
        self.set_header("Cache-Control", "no-store")
        self.set_header("X-Content-Type-Options", "nosniff")

    def read(self, kind: type[Body]) -> Body:
        """Return the request's body.

        Raises:
            PhoneError: It is no JSON, or not what this request takes.
        """
        try:
            return msgspec.json.decode(self.request.body, type=kind)
        except (msgspec.DecodeError, ValueError) as error:
            raise PhoneError(str(error)) from error

    def finish_json(self, answer: object) -> None:
        """End the request with *answer*."""
        self.set_header("Content-Type", "application/json; charset=utf-8")
        self.finish(msgspec.json.encode(answer))

    def refuse(self, error: PhoneError) -> None:
        """End the request with *error*."""
        self.set_status(error.status)
        self.finish_json({"error": error.word, "message": error.message})

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        """Say in JSON what Tornado itself refuses, a wrong method for one."""
        self.finish_json({"error": "http", "message": f"{status_code} {self._reason}"})


class ActHandler(JsonHandler):
    """Something the phone's holder does; answered when its push was."""

    async def act(self) -> Done:
        """Do it."""
        raise NotImplementedError

    async def post(self) -> None:
        try:
            self.finish_json(await self.act())
        except PhoneError as error:
            self.refuse(error)


class ScanHandler(ActHandler):
    """`POST /phone/scan`."""

    async def act(self) -> Done:
        asked = self.read(bodies.Scan)
        return await self.phone.scan(
            ticket=asked.ticket, url=asked.url, openid=asked.openid, follow=asked.follow
        )


class FollowHandler(ActHandler):
    """`POST /phone/follow`: without a code, as from a search."""

    async def act(self) -> Done:
        return await self.phone.follow(self.read(bodies.Who).openid)


class UnfollowHandler(ActHandler):
    """`POST /phone/unfollow`."""

    async def act(self) -> Done:
        return await self.phone.unfollow(self.read(bodies.Who).openid)


class MessageHandler(ActHandler):
    """`POST /phone/message`."""

    async def act(self) -> Done:
        asked = self.read(bodies.Message)
        return await self.phone.message(asked.openid, asked.text)


class UsersHandler(JsonHandler):
    """`GET` and `POST /phone/users`."""

    def get(self) -> None:
        self.finish_json({"users": list(self.platform.users)})

    def post(self) -> None:
        try:
            asked = self.read(bodies.NewUser)
            self.finish_json(
                self.platform.users.add(
                    openid=asked.openid, name=asked.name, follower=asked.follower
                )
            )
        except PhoneError as error:
            self.refuse(error)


class CodesHandler(JsonHandler):
    """`GET /phone/codes`: those that wait for a scan, newest first."""

    def get(self) -> None:
        codes = self.platform.codes.waiting(MOST_CODES)
        self.finish_json({"codes": describe(codes, now=self.platform.clock())})


class ChatHandler(JsonHandler):
    """`GET /phone/chat?openid=`."""

    def get(self) -> None:
        try:
            user = self.platform.users.get(self.get_query_argument("openid", ""))
            self.finish_json({"bubbles": self.platform.chats.of(user.openid)})
        except PhoneError as error:
            self.refuse(error)


class StateHandler(JsonHandler):
    """`GET /phone/state?openid=`: all that the page shows, in one answer."""

    def get(self) -> None:
        openid = self.get_query_argument("openid", "")
        codes = self.platform.codes.waiting(MOST_CODES)
        users = list(self.platform.users)
        # The demo users come first and the newest last; a long middle is left out.
        shown = users if len(users) <= MOST_USERS else users[:3] + users[3 - MOST_USERS :]
        self.finish_json(
            {
                "users": shown,
                "codes": describe(codes, now=self.platform.clock()),
                "bubbles": self.platform.chats.of(openid),
                "held": self.phone.held,
            }
        )


def describe(codes: Iterable[Code], *, now: float) -> list[dict[str, object]]:
    """Return *codes* as the phone's JSON has them; times are seconds left, never clock times."""
    return [
        {
            "ticket": code.ticket,
            "url": code.url,
            "scene": code.scene,
            "seconds_left": code.seconds_left(now),
            "expire_seconds": code.expire_seconds,
        }
        for code in codes
    ]
