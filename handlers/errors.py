"""How an error is told: a code for programs, a sentence for people, nothing from inside."""

import logging
from http import HTTPStatus
from typing import Any

import msgspec
from tornado.web import HTTPError, RequestHandler

from login import LoginError

log = logging.getLogger(__name__)


def error_of(status_code: int) -> LoginError:
    """Return what is told of an error that is not ours: its status."""
    told = LoginError()
    if status_code < HTTPStatus.INTERNAL_SERVER_ERROR:
        told.code = HTTPStatus(status_code).phrase.lower().replace(" ", "_")
        told.text = HTTPStatus(status_code).phrase
    return told


def tell_error(handler: RequestHandler, status_code: int, error: LoginError) -> None:
    """Answer with *error* as JSON."""
    if error.retry_after:
        handler.set_header("Retry-After", str(error.retry_after))
    name_methods(handler, status_code)
    handler.set_status(status_code)
    handler.set_header("Content-Type", "application/json")
    handler.finish(error_body(error))


def error_body(error: LoginError) -> bytes:
    """Return *error* as the JSON of an answer."""
    told: dict[str, str | int] = {"code": error.code, "message": error.text}
    if error.retry_after:
        told["retry_after"] = error.retry_after
    return msgspec.json.encode({"error": told})


def name_methods(handler: RequestHandler, status_code: int) -> None:
    """With "method not allowed", name those that are. Source: RFC 9110 §15.5.6."""
    if status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        names = ((method, method.lower()) for method in handler.SUPPORTED_METHODS)
        mine, without = type(handler), RequestHandler
        has = [
            method for method, name in names if getattr(mine, name) is not getattr(without, name)
        ]
        handler.set_header("Allow", ", ".join(has))


def log_error(handler: RequestHandler, kind: Any, value: Any, trace: Any) -> None:
    """Log without the query, which may hold secrets; expected errors are no news."""
    if isinstance(value, LoginError):
        return
    if isinstance(value, HTTPError):
        log.info("refused path=%s status=%d", handler.request.path, value.status_code)
        return
    log.error("failed path=%s", handler.request.path, exc_info=(kind, value, trace))
