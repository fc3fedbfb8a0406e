"""The JSON bodies that programs and the page send to the phone."""

import msgspec


class Scan(msgspec.Struct):
    """`POST /phone/scan`: a ticket or the address that the code encodes."""

    ticket: str | None = None
    url: str | None = None
    openid: str | None = None
    follow: bool = True


class Who(msgspec.Struct):
    """`POST /phone/follow` and `/phone/unfollow`."""

    openid: str


class Message(msgspec.Struct):
    """`POST /phone/message`."""

    openid: str
    text: str


class NewUser(msgspec.Struct):
    """`POST /phone/users`; all that is missing is made up."""

    openid: str | None = None
    name: str | None = None
    follower: bool = False
