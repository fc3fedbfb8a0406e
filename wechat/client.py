"""Calls to WeChat's API: the few that a login needs, asynchronous, with time limits.

wechatpy's own client is synchronous, has no time limit on the token call and
recurses on a token that stays invalid, so calls go through here (docs/design.md).
`transport` makes requests, `tokens` has the access token, `circuit` knows when
calling makes no sense.
"""

import asyncio
import time
from collections.abc import Callable
from functools import partial
from typing import Self
from urllib.parse import quote

from msgspec import Struct
from msgspec.structs import replace

from store import Store, digest
from wechat.budget import Budget
from wechat.circuit import PROBE_SECONDS, Circuits, OnCircuit
from wechat.errors import NO_ANSWER, TOKEN_CODES, WeChatError, WeChatUnavailable
from wechat.tokens import AccessToken, AccessTokens
from wechat.transport import Answer, OnCall, Request, Transport, seconds_in

CHECK_SECONDS = 5.0
TOKEN_ENDPOINT = "/cgi-bin/stable_token"  # noqa: S105, an address
OWN_TOKEN_ENDPOINT = "token_url"  # noqa: S105, a name
USERS_ENDPOINT = "/cgi-bin/user/info/batchget"
QRCODE_ENDPOINT = "/cgi-bin/qrcode/create"
CALLBACK_ENDPOINT = "/cgi-bin/getcallbackip"


class Ticket(Struct, frozen=True):
    """One temporary code. *life* is its life in seconds, counted from *made_at*."""

    ticket: str
    url: str
    life: float
    made_at: float
    """When it was asked for, by `time.monotonic`: it cannot be older than that."""


class Client:
    """The API of one service account. Use as `async with`.

    The access token and what is known of trouble are shared over *store*; codes
    are counted by *budget*, and asked for as far as it reaches. With
    *token_url* the token comes from there, with *token_url_secret* as a bearer
    credential, and WeChat's own endpoint is never called. *clock* counts seconds.
    """

    def __init__(
        self,
        *,
        store: Store,
        budget: Budget,
        appid: str,
        secret: str,
        api_base_url: str,
        mp_base_url: str,
        timeout_seconds: float,
        token_url: str = "",
        token_url_secret: str = "",
        proxy_url: str = "",
        on_call: OnCall = lambda endpoint, errcode, seconds: None,
        on_circuit: OnCircuit = lambda endpoint, is_open: None,
        clock: Callable[[], float] = time.monotonic,
        look_seconds: float = PROBE_SECONDS,
    ) -> None:
        self.appid = appid
        self.budget = budget
        self._api = api_base_url.rstrip("/")
        self._mp = mp_base_url.rstrip("/")
        self._clock = clock
        self._checked_at = float("-inf")
        self._transport = Transport(
            timeout_seconds=timeout_seconds, proxy_url=proxy_url, on_call=on_call
        )
        # Who reads another account's token, or another platform's, gets nothing done.
        name = digest(f"{appid} {self._api} {token_url}")[:16]
        self._circuits = Circuits(
            store, name, clock=clock, on_change=on_circuit, look_seconds=look_seconds
        )
        self._tokens = AccessTokens(
            store,
            name,
            self._transport,
            self._circuits,
            _from(token_url, token_url_secret) if token_url else self._from_wechat(secret),
            clock,
        )

    async def __aenter__(self) -> Self:
        await self._transport.__aenter__()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._tokens.close()
        await self._circuits.close()
        await self._transport.__aexit__()

    async def create_ticket(self, scene_id: int, expire_seconds: int, visitor: str = "") -> Ticket:
        """Ask for a temporary code that carries *scene_id* for *expire_seconds*.

        *visitor* is whom it is for, as `budget` wants to know.

        Raises:
            WeChatError: one of its three kinds.
            BudgetUsedUp, BudgetLow, StoreUnavailable: WeChat was not asked.

        Source: WeChat, "Generating a Parametric QR Code".
        """
        made_at = time.monotonic()
        answer = await self._call(
            Request(
                endpoint=QRCODE_ENDPOINT,
                url=self._api + QRCODE_ENDPOINT,
                body={
                    "expire_seconds": expire_seconds,
                    "action_name": "QR_SCENE",
                    "action_info": {"scene": {"scene_id": scene_id}},
                },
                before=partial(self.budget.spend, visitor),
                words=("ticket", "url"),
            )
        )
        # An answer of 0 seconds was seen in the wild: then it is what we asked for.
        life = min(expire_seconds, seconds_in(answer, "expire_seconds") or expire_seconds)
        return Ticket(answer["ticket"], answer["url"], float(life), made_at)

    async def callback_addresses(self) -> list[str]:
        """Return the addresses and networks that pushes come from, as WeChat writes them.

        Raises:
            WeChatError: one of its three kinds.

        Source: WeChat, "Get WeChat server IP addresses".
        """
        answer = await self._call(
            Request(endpoint=CALLBACK_ENDPOINT, url=self._api + CALLBACK_ENDPOINT)
        )
        found = answer.get("ip_list")
        return [each for each in found if isinstance(each, str)] if isinstance(found, list) else []

    async def users_info(self, openids: list[str]) -> Answer:
        """Return what WeChat tells of users of the account, at most a hundred.

        Raises:
            WeChatError: one of its three kinds.

        Source: WeChat, "Getting users' basic information (UnionID)".
        """
        body = {"user_list": [{"openid": openid} for openid in openids]}
        return await self._call(
            Request(endpoint=USERS_ENDPOINT, url=self._api + USERS_ENDPOINT, body=body)
        )

    def picture_of(self, ticket: str) -> str:
        """Return the address of WeChat's own picture of the code."""
        return f"{self._mp}/cgi-bin/showqrcode?ticket={quote(ticket, safe='')}"

    async def check(self) -> str:
        """Return "ok", or the error code that the last calls met.

        Calls nothing but what a visitor would cause too: it asks for the access
        token when there is none, and not more often than every few seconds.
        """
        if self._clock() - self._checked_at > CHECK_SECONDS:
            self._checked_at = self._clock()
            try:
                await self._tokens.get()
            except WeChatError as error:
                return f"errcode {error.errcode}"
        trouble = await self._circuits.trouble()
        return f"errcode {trouble.errcode}" if trouble else "ok"

    async def _call(self, request: Request) -> Answer:
        """Make *request* with an access token, within the time that a visitor may wait."""
        async with self._circuits.watch(request.endpoint):
            try:
                async with asyncio.timeout(self._transport.patience):
                    return await self._with_token(request)
            except TimeoutError:
                raise WeChatUnavailable(request.endpoint, NO_ANSWER, "no answer in time") from None

    async def _with_token(self, request: Request) -> Answer:
        """Make *request*; renew the token once if WeChat says so."""
        token = await self._tokens.get()
        try:
            return await self._ask(request, token)
        except WeChatError as error:
            if error.errcode not in TOKEN_CODES:
                raise
        token = await self._tokens.renewed(token)
        try:
            return await self._ask(request, token)
        except WeChatError as error:
            # Refused as soon as it was made: the next would be, too.
            error.fatal = error.fatal or error.errcode in TOKEN_CODES
            raise

    async def _ask(self, request: Request, token: AccessToken) -> Answer:
        return await self._transport.ask(replace(request, access_token=token.value))

    def _from_wechat(self, secret: str) -> Request:
        """Return the request for the stable token.

        Source: WeChat, "Get stable access token".
        """
        body = {
            "grant_type": "client_credential",
            "appid": self.appid,
            "secret": secret,
            "force_refresh": False,
        }
        url = self._api + TOKEN_ENDPOINT
        return Request(endpoint=TOKEN_ENDPOINT, url=url, body=body, words=("access_token",))


def _from(url: str, secret: str) -> Request:
    """Return the request to the operator's own token server."""
    return Request(endpoint=OWN_TOKEN_ENDPOINT, url=url, bearer=secret, words=("access_token",))
