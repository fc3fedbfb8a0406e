"""Where the store may be: one server, behind Sentinels, a cluster."""

import pytest

from settings import RedisSettings, Settings
from settings.checks import problems

GOOD = [
    "embedded",
    "redis://127.0.0.1:6379/0",
    "rediss://:secret@redis.example",
    "unix:///run/redis.sock",
    "redis+sentinel://10.0.0.1:26379/saoma",
    "redis+sentinel://user:secret@a:26379,[::1]:26379/saoma?sentinel_password=other",
    "redis+cluster://a.example:6379",
]
BAD = [
    "",
    "127.0.0.1:6379",
    "http://127.0.0.1",
    "redis+sentinel://10.0.0.1:26379",
    "redis+sentinel://10.0.0.1/saoma",
    "redis+sentinel://a:1,b/saoma",
]


@pytest.mark.parametrize("url", GOOD)
def test_store_address_may_be(url: str) -> None:
    """
    Every shape that the store can be reached by is taken.
    """
    assert [] == list(problems(Settings(redis=RedisSettings(url=url))))


@pytest.mark.parametrize("url", BAD)
def test_store_address_must_be_complete(url: str) -> None:
    """
    An address that nothing can be reached by is refused at the start, without being shown.
    """
    (problem,) = problems(Settings(redis=RedisSettings(url=url)))

    assert "redis.url" == problem[0]
