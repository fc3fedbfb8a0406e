"""How an error is told: a code for programs, a sentence for people, nothing from inside."""

from http import HTTPStatus

import msgspec
from tornado.web import RequestHandler

from login import LoginError


def error_of(status_code: int) -> LoginError:
    """Return what is told of an error that is not ours: its status."""
    told = LoginError()
    if status_code < HTTPStatus.INTERNAL_SERVER_ERROR:
        told.code = HTTPStatus(status_code).phrase.lower().replace(" ", "_")
        told.text = HTTPStatus(status_code).phrase
    return told


def tell_error(handler: RequestHandler, status_code: int, error: LoginError) -> None:
    """Answer with *error* as JSON."""
    told: dict[str, str | int] = {"code": error.code, "message": error.text}
    if error.retry_after:
        told["retry_after"] = error.retry_after
        handler.set_header("Retry-After", str(error.retry_after))
    if status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        handler.set_header("Allow", ", ".join(_methods_of(handler)))
    handler.set_status(status_code)
    handler.set_header("Content-Type", "application/json")
    handler.finish(msgspec.json.encode({"error": told}))


def _methods_of(handler: RequestHandler) -> list[str]:
    """Return the methods that the handler's address has."""
    names = ((method, method.lower()) for method in handler.SUPPORTED_METHODS)
    mine = type(handler)
    return [
        method for method, name in names if getattr(mine, name) is not getattr(RequestHandler, name)
    ]
