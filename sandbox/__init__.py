"""A stand-in for the WeChat platform: its API, its pushes and a virtual phone.

For development and tests; the product never imports it and talks to it as to WeChat. Everything
is in memory and forgotten after an hour. In a test:

    async with serve_sandbox(callback="http://127.0.0.1:8888/wechat") as sandbox:
        ...  # point the client at sandbox.base_url, show a code
        done = await sandbox.phone.scan(ticket=ticket)
"""

from sandbox.account import Account
from sandbox.chats import Bubble, BubbleKind
from sandbox.clock import Clock, ManualClock
from sandbox.events import event_xml, message_xml
from sandbox.faults import PushFault
from sandbox.formats import Data, Mode, PushFormat
from sandbox.phone import Done, Phone
from sandbox.platform import Platform
from sandbox.pusher import Delivery, Pusher
from sandbox.pushes import HEADERS, SignedPush, sign_push
from sandbox.server import Sandbox, make_app, serve_sandbox

__all__ = [
    "HEADERS",
    "Account",
    "Bubble",
    "BubbleKind",
    "Clock",
    "Data",
    "Delivery",
    "Done",
    "ManualClock",
    "Mode",
    "Phone",
    "Platform",
    "PushFault",
    "PushFormat",
    "Pusher",
    "Sandbox",
    "SignedPush",
    "event_xml",
    "make_app",
    "message_xml",
    "serve_sandbox",
    "sign_push",
]
