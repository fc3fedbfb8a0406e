"""What WeChat tells of a follower: since 2021-12-27 little more than the unionid."""

from wechat.client import USERS_ENDPOINT, Client
from wechat.errors import NO_ANSWER, WeChatUnavailable

MAX_ID_LENGTH = 64


async def unionid_of(client: Client, openid: str) -> str:
    """Return the unionid of a user of the service account.

    It is "" for who does not follow the account, and for accounts that are
    bound to no Open Platform account.

    Raises:
        WeChatError: one of its kinds.
    """
    answer = await client.users_info([openid])
    try:
        (user,) = answer["user_info_list"]
        found = user.get("unionid", "")
        if user["openid"] == openid and isinstance(found, str) and len(found) <= MAX_ID_LENGTH:
            return found
    except (AttributeError, KeyError, TypeError, ValueError):
        pass  # told below, like any other answer that is none
    raise WeChatUnavailable(USERS_ENDPOINT, NO_ANSWER, "without the user")
