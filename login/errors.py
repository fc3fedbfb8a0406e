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

    def __init__(self, retry_after: float | None = None) -> None:
        self.retry_after = None if retry_after is None else max(1, math.ceil(retry_after))
        super().__init__(self.text)


class BadCredentials(LoginError):
    """Same for a wrong password and for an account that does not exist."""

    code, status = "bad_credentials", HTTPStatus.UNAUTHORIZED
    text = "The user name or the password is wrong."


class SignedOut(LoginError):
    """The request needs a session."""

    code, status = "signed_out", HTTPStatus.UNAUTHORIZED
    text = "You are not signed in."


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


class LastWayInError(LoginError):
    """Unbinding would lock the user out."""

    code, status = "last_way_in", HTTPStatus.CONFLICT
    text = "This account has no password: without WeChat nobody could sign in to it."


class ServiceUnavailable(LoginError):
    """The store or the database does not answer; nothing was lost."""

    code, status = "store_unavailable", HTTPStatus.SERVICE_UNAVAILABLE
    text = "Part of the service does not answer right now. Please try again in a moment."

    def __init__(self) -> None:
        super().__init__(retry_after=3)
