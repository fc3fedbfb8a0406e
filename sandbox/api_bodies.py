"""The JSON bodies that the `/cgi-bin` API takes, as WeChat names their fields.

Fields that are not named here are ignored, as WeChat does; a wrong type is an error.
"""

import msgspec


class StableToken(msgspec.Struct):
    """`POST /cgi-bin/stable_token`."""

    grant_type: str = ""
    appid: str = ""
    secret: str = ""
    force_refresh: bool = False


class CreateCode(msgspec.Struct):
    """`POST /cgi-bin/qrcode/create`; the action's details are read once its name is known."""

    action_name: str = ""
    action_info: msgspec.Raw = msgspec.Raw(b"{}")
    expire_seconds: int = 60


class Scene(msgspec.Struct):
    """Either of the two; which one counts depends on the action's name."""

    scene_id: int | None = None
    scene_str: str | None = None


class ActionInfo(msgspec.Struct):
    """What a code is for."""

    scene: Scene


class BatchUser(msgspec.Struct):
    """One user of a list."""

    openid: str


class BatchUsers(msgspec.Struct):
    """`POST /cgi-bin/user/info/batchget`."""

    user_list: list[BatchUser] = []


class Text(msgspec.Struct):
    """The content of a text message."""

    content: str = ""


class SendMessage(msgspec.Struct):
    """`POST /cgi-bin/message/custom/send`."""

    touser: str = ""
    msgtype: str = ""
    text: Text | None = None


class GetQuota(msgspec.Struct):
    """`POST /cgi-bin/openapi/quota/get`."""

    cgi_path: str = ""


class ClearQuota(msgspec.Struct):
    """`POST /cgi-bin/clear_quota` and, with `appsecret`, its `/v2`."""

    appid: str = ""
    appsecret: str = ""
