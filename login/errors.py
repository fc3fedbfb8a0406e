"""What a caller may know of why something did not happen.

Leaf packages tell facts; here they become an error code, a status and a
sentence. Handlers have one `except LoginError`.
"""

import math
from http import HTTPStatus


class LoginError(Exception):
    """An error with a *code* for programs and a sentence for people."""

    code = "internal"
    status = HTTPStatus.INTERNAL_SERVER_ERROR
    text = "Something went wrong here. Please try again."
    next = ""
    """Where the visitor wanted to go, if that is known: a path of this site."""
    account: object = None
    """The account that it is about, if that is known. For the journal; nobody is told."""

    def __init__(self, retry_after: float | None = None) -> None:
        self.retry_after = None if retry_after is None else max(1, math.ceil(retry_after))
        super().__init__(self.text)


class BadCredentials(LoginError):
    """Same for a wrong password and for an account that does not exist."""

    code, status = "bad_credentials", HTTPStatus.UNAUTHORIZED
    text = "The user name or the password is wrong."


class AccountInactiveError(LoginError):
    """The password was right, and the site does not let this account in."""

    code, status = "account_inactive", HTTPStatus.FORBIDDEN
    text = "This account is switched off. Please ask whoever runs this site."


class SignedOut(LoginError):
    """The request needs a session."""

    code, status = "signed_out", HTTPStatus.UNAUTHORIZED
    text = "You are not signed in."


class SessionUnknown(LoginError):
    """The account has no such session, or it ended already."""

    code, status = "session_unknown", HTTPStatus.NOT_FOUND
    text = "That browser is not signed in any more."


class RateLimited(LoginError):
    """Too many tries."""

    code, status = "rate_limited", HTTPStatus.TOO_MANY_REQUESTS
    text = "Too many tries. Please wait a little and try again."


class CodeGone(LoginError):
    """A login code that was used, is too old, or belongs to another browser."""

    code, status = "code_gone", HTTPStatus.GONE
    text = "This sign-in is not valid any more. Please scan again."


class BindTokenGone(LoginError):
    """A bind token that was used, is too old, or belongs to another browser."""

    code, status = "bind_token_gone", HTTPStatus.GONE
    text = "This scan is not valid any more. Please scan again."


class OpenidTakenError(LoginError):
    """The WeChat user has another account."""

    code, status = "openid_taken", HTTPStatus.CONFLICT
    text = "This WeChat is bound to another account."


class AccountTakenError(LoginError):
    """The account has another WeChat user."""

    code, status = "account_taken", HTTPStatus.CONFLICT
    text = "This account is bound to another WeChat. Unbind that one first."


class WeChatLimitError(LoginError):
    """The account has as many WeChat users as it may."""

    code, status = "wechat_limit", HTTPStatus.CONFLICT
    text = "This account is bound to as many WeChats as it may have. Unbind one of them first."


class LastWayInError(LoginError):
    """Unbinding would lock the user out."""

    code, status = "last_way_in", HTTPStatus.CONFLICT
    text = "This account has no password: without WeChat nobody could sign in to it."


class WeChatOwnError(LoginError):
    """The WeChat user is bound to this account already."""

    code, status = "wechat_own", HTTPStatus.CONFLICT
    text = "This WeChat is bound to this account already."


class PasswordNeeded(LoginError):
    """Whoever takes a WeChat off has to prove to be the owner, by a password."""

    code, status = "password_needed", HTTPStatus.CONFLICT
    text = "This account has no password to confirm that with, so its WeChats stay."


class BadName(LoginError):
    """No user name."""

    code, status = "bad_name", HTTPStatus.BAD_REQUEST
    text = "A user name is on one line and has 1 to 64 characters."


class NameTakenError(LoginError):
    """Another account has the name."""

    code, status = "name_taken", HTTPStatus.CONFLICT
    text = "Somebody else has this name. Please choose another."


class NameFixedError(LoginError):
    """The name was given by a person."""

    code, status = "name_fixed", HTTPStatus.CONFLICT
    text = "The name of this account was chosen already and stays."


class ServiceUnavailable(LoginError):
    """The store or the database does not answer; nothing was lost."""

    code, status = "store_unavailable", HTTPStatus.SERVICE_UNAVAILABLE
    text = "Part of the service does not answer right now. Please try again in a moment."

    def __init__(self) -> None:
        super().__init__(retry_after=3)


class NotOffered(LoginError):
    """No page of WeChat's is open to this browser."""

    code, status = "web_login_off", HTTPStatus.NOT_FOUND
    text = "This way of signing in is not open here. Please scan the code on the sign-in page."


class OnlyInWeChat(LoginError):
    """WeChat's page opens in WeChat's own browser only."""

    code, status = "web_login_inside", HTTPStatus.NOT_FOUND
    text = "This opens inside WeChat only. Please send the address to yourself and open it there."


class WebLoginGone(LoginError):
    """A way back from WeChat that was used, took too long, or began in another browser."""

    code, status = "web_login_gone", HTTPStatus.GONE
    text = "This sign-in is not valid any more. Please try again."


class SnapshotRefused(LoginError):
    """WeChat showed a snapshot of the page to a virtual user: that is nobody."""

    code, status = "web_login_snapshot", HTTPStatus.FORBIDDEN
    text = "This is a snapshot. Please tap “Use Full Service” below the page and sign in again."


class WebLoginUnavailable(LoginError):
    """WeChat does not tell who came."""

    code, status = "wechat_unavailable", HTTPStatus.SERVICE_UNAVAILABLE
    text = "WeChat does not answer. Please try again."
