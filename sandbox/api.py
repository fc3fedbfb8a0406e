"""The `/cgi-bin` API as a function: method, path, query and body in, JSON out.

`ENDPOINTS` is the whole of it. A call is checked in WeChat's order: method, access token, quota,
body. No sockets here.
"""

import hmac
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeVar

import msgspec

from sandbox import api_bodies as bodies
from sandbox.chats import BubbleKind
from sandbox.errors import ApiError
from sandbox.events import is_xml_text
from sandbox.platform import Platform
from sandbox.quotas import MINUTE
from sandbox.tokens import Grant
from sandbox.users import User

MOST_EXPIRE_SECONDS = 2_592_000
"""30 days. Source: WeChat, "Generating a parametric QR code"."""
MOST_CONTENT_BYTES = 2048
MOST_USERS_AT_ONCE = 100

Json = dict[str, object]
Query = Mapping[str, str]
Body = TypeVar("Body")

_OK: Json = {"errcode": 0, "errmsg": "ok"}
_ESCAPED = re.compile(rb"(?<!\\)(?:\\\\)*\\u[0-9A-Fa-f]{4}")


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One path: the method it takes, whether a token is due, and the function behind it."""

    method: str
    answer: Callable[[Platform, Query, bytes], Json]
    needs_token: bool = True


@dataclass(frozen=True, slots=True)
class Action:
    """One kind of code: its scene is a number up to `most_scene_id`, or a text when that is 0."""

    most_scene_id: int = 0
    permanent: bool = False


ACTIONS = {
    "QR_SCENE": Action(most_scene_id=(1 << 32) - 1),
    "QR_STR_SCENE": Action(),
    "QR_LIMIT_SCENE": Action(most_scene_id=100_000, permanent=True),
    "QR_LIMIT_STR_SCENE": Action(permanent=True),
}
"""Source: WeChat, "Generating a parametric QR code"."""


def answer(platform: Platform, method: str, path: str, query: Query, body: bytes) -> Json:
    """Answer one call.

    Raises:
        ApiError: WeChat would answer with this error code.
        KeyError: There is no such path.
    """
    endpoint = ENDPOINTS[path]
    if method != endpoint.method:
        raise ApiError(43001 if endpoint.method == "GET" else 43002)
    if endpoint.needs_token:
        platform.tokens.check(query.get("access_token", ""))
        platform.quotas.spend(path)
    return endpoint.answer(platform, query, body)


def _token(platform: Platform, query: Query, body: bytes) -> Json:
    appid, secret = query.get("appid", ""), query.get("secret", "")
    _check_credentials(platform, query.get("grant_type", ""), appid, secret)
    platform.quotas.spend("/cgi-bin/token")
    return _granted(platform, platform.tokens.rotate())


def _stable_token(platform: Platform, query: Query, body: bytes) -> Json:
    asked = _read(body, bodies.StableToken)
    _check_credentials(platform, asked.grant_type, asked.appid, asked.secret)
    platform.quotas.spend("/cgi-bin/stable_token")
    return _granted(platform, platform.tokens.stable(force=asked.force_refresh))


def _create_code(platform: Platform, query: Query, body: bytes) -> Json:
    try:
        asked = _read(body, bodies.CreateCode)
    except ApiError as error:
        # A body that is no JSON has no action name: WeChat answers so, and not 47001.
        raise ApiError(40052 if error.errcode == 47001 else error.errcode) from error
    if asked.action_name not in ACTIONS:
        raise ApiError(40052)
    scene = _scene(asked.action_name, asked.action_info)
    if ACTIONS[asked.action_name].permanent:
        made = platform.codes.create_permanent(scene)
        return {"ticket": made.ticket, "url": made.url}
    seconds = _expire_seconds(asked.expire_seconds)
    code = platform.codes.create(scene, seconds)
    left = code.seconds_left(platform.clock())
    return {"ticket": code.ticket, "expire_seconds": left, "url": code.url}


def _user_info(platform: Platform, query: Query, body: bytes) -> Json:
    user = _user(platform, query.get("openid", ""))
    if not user.follower:
        return {"subscribe": 0, "openid": user.openid, "tagid_list": []}
    scene, unionid = user.followed_by, platform.oauth.unionid_of(user)
    return {
        "subscribe": 1,
        "openid": user.openid,
        # Nickname and picture are gone since 2021-12-27, the language is no longer told.
        "nickname": "",
        "sex": 0,
        "language": "",
        "city": "",
        "province": "",
        "country": "",
        "headimgurl": "",
        "subscribe_time": int(user.followed_at),
        "remark": "",
        "groupid": 0,
        "tagid_list": [],
        "subscribe_scene": "ADD_SCENE_SEARCH" if scene is None else "ADD_SCENE_QR_CODE",
        "qr_scene": scene if isinstance(scene, int) else 0,
        "qr_scene_str": scene if isinstance(scene, str) else "",
        **({"unionid": unionid} if unionid else {}),
    }


def _users_info(platform: Platform, query: Query, body: bytes) -> Json:
    asked = _read(body, bodies.BatchUsers).user_list
    if not 1 <= len(asked) <= MOST_USERS_AT_ONCE:
        raise ApiError(40032)
    infos = [_user_info(platform, {"openid": user.openid}, b"") for user in asked]
    return {"user_info_list": infos}


def _send_message(platform: Platform, query: Query, body: bytes) -> Json:
    asked = _read(body, bodies.SendMessage)
    if asked.msgtype != "text" or asked.text is None:
        raise ApiError(40008)
    content = asked.text.content
    if not content:
        raise ApiError(44004)
    if len(content.encode()) > MOST_CONTENT_BYTES:
        raise ApiError(45002)
    user = _user(platform, asked.touser)
    if not user.follower:
        raise ApiError(43004)
    platform.windows.spend(user.openid)
    platform.chats.add(user.openid, BubbleKind.REPLY, content)
    return _OK


def _callback_addresses(platform: Platform, query: Query, body: bytes) -> Json:
    # Pushes come from this machine. One entry is a network: real lists mix both forms.
    return {"ip_list": ["127.0.0.1", "::1/128"]}


def _api_addresses(platform: Platform, query: Query, body: bytes) -> Json:
    return {"ip_list": ["127.0.0.1"]}


def _get_quota(platform: Platform, query: Query, body: bytes) -> Json:
    path = _read(body, bodies.GetQuota).cgi_path
    if path not in ENDPOINTS:
        raise ApiError(76021)
    quotas = platform.quotas
    limit, used = quotas.limits.get(path, 0), quotas.used(path)
    calls = quotas.minute_limits.get(path, 0)
    return _OK | {
        "quota": {"daily_limit": limit, "used": used, "remain": max(0, limit - used)},
        "rate_limit": {"call_count": calls, "refresh_second": MINUTE if calls else 0},
    }


def _clear_quota(platform: Platform, query: Query, body: bytes) -> Json:
    if _read(body, bodies.ClearQuota).appid != platform.account.appid:
        raise ApiError(40013)
    platform.quotas.clear()
    return _OK


def _clear_quota_v2(platform: Platform, query: Query, body: bytes) -> Json:
    asked = _read(body, bodies.ClearQuota)
    _check_credentials(platform, "client_credential", asked.appid, asked.appsecret)
    platform.quotas.clear()
    return _OK


ENDPOINTS = {
    "/cgi-bin/token": Endpoint("GET", _token, needs_token=False),
    "/cgi-bin/stable_token": Endpoint("POST", _stable_token, needs_token=False),
    "/cgi-bin/qrcode/create": Endpoint("POST", _create_code),
    "/cgi-bin/user/info": Endpoint("GET", _user_info),
    "/cgi-bin/user/info/batchget": Endpoint("POST", _users_info),
    "/cgi-bin/message/custom/send": Endpoint("POST", _send_message),
    "/cgi-bin/getcallbackip": Endpoint("GET", _callback_addresses),
    "/cgi-bin/get_api_domain_ip": Endpoint("GET", _api_addresses),
    "/cgi-bin/openapi/quota/get": Endpoint("POST", _get_quota),
    "/cgi-bin/clear_quota": Endpoint("POST", _clear_quota),
    "/cgi-bin/clear_quota/v2": Endpoint("POST", _clear_quota_v2, needs_token=False),
}


def _check_credentials(platform: Platform, grant_type: str, appid: str, secret: str) -> None:
    account = platform.account
    if grant_type != "client_credential":
        raise ApiError(40002)
    if not appid:
        raise ApiError(41002)
    if not secret:
        raise ApiError(41004)
    if appid != account.appid:
        raise ApiError(40013)
    if not hmac.compare_digest(secret.encode(), account.secret.encode()):
        raise ApiError(40125)


def _granted(platform: Platform, grant: Grant) -> Json:
    return {"access_token": grant.value, "expires_in": platform.tokens.seconds_left(grant)}


def _scene(action_name: str, raw_info: msgspec.Raw) -> int | str:
    try:
        scene = msgspec.json.decode(raw_info, type=bodies.ActionInfo).scene
    except msgspec.DecodeError as error:
        raise ApiError(40053) from error
    number, text = scene.scene_id, scene.scene_str
    most = ACTIONS[action_name].most_scene_id
    if most and number is not None and 1 <= number <= most:
        return number
    if not most and text and len(text) <= 64 and is_xml_text(text):
        return text
    raise ApiError(40053)


def _expire_seconds(asked: int) -> int:
    # No page names the error for a bad lifetime; 40053 is an assumption.
    if not 1 <= asked <= MOST_EXPIRE_SECONDS:
        raise ApiError(40053)
    return asked


def _user(platform: Platform, openid: str) -> User:
    user = platform.users.find(openid)
    if user is None:
        raise ApiError(40003)
    return user


def _read(body: bytes, kind: type[Body]) -> Body:
    if not body:
        raise ApiError(44002)
    if _ESCAPED.search(body):
        raise ApiError(40033)
    try:
        return msgspec.json.decode(body, type=kind)
    except msgspec.DecodeError as error:
        raise ApiError(47001) from error
