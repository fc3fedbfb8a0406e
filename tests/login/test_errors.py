"""Errors: a code for programs, a sentence for people, and no more than a caller may know."""

import pytest

from login import errors
from login.errors import LoginError, RateLimited, ServiceUnavailable

KINDS: list[type[LoginError]] = [
    kind
    for kind in vars(errors).values()
    if isinstance(kind, type) and issubclass(kind, LoginError)
]


@pytest.mark.parametrize("kind", KINDS)
def test_error_has_a_code_a_status_and_a_sentence(kind: type[LoginError]) -> None:
    """
    A handler needs to know no kind of error by name.
    """
    error = kind()

    assert error.code.replace("_", "").isalpha()
    assert 400 <= error.status < 600
    assert str(error) == kind.text
    assert str(error).endswith(".")


def test_codes_are_all_different() -> None:
    """
    A program can tell errors apart.
    """
    codes = [kind.code for kind in KINDS]

    assert len(codes) == len(set(codes))
    assert len(codes) > 8


@pytest.mark.parametrize(
    ("seconds", "told"), [(0, 1), (0.01, 1), (1, 1), (1.2, 2), (299.4, 300), (300, 300)]
)
def test_retry_after_is_in_whole_seconds_and_long_enough(seconds: float, told: int) -> None:
    """
    Who waits as long as he was told does not wait in vain.
    """
    assert told == RateLimited(seconds).retry_after


def test_retry_after_is_absent_where_waiting_does_not_help() -> None:
    """
    Only an outage and a limit have a time to come back.
    """
    assert LoginError().retry_after is None
    assert 3 == ServiceUnavailable().retry_after
