"""What is said of a visitor's browser and place."""

from pathlib import Path
from typing import Any

import maxminddb
import pytest
from hypothesis import given
from hypothesis import strategies as st

from handlers import Visits
from handlers.visits import BROWSERS, MAX_PLACE_BYTES, SYSTEMS, device_of
from login import Visit
from tests.server.cities import CHINA, HANGZHOU, write_cities

WEBKIT = "AppleWebKit/537.36 (KHTML, like Gecko)"
WINDOWS = "Mozilla/5.0 (Windows NT 10.0; Win64; x64)"
ANDROID = "Mozilla/5.0 (Linux; Android 13; 2201123C)"
IPHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 17_0 like Mac OS X) AppleWebKit/605.1.15"
MAC = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko)"
AGENTS = [
    (f"{WINDOWS} {WEBKIT} Chrome/120.0.0.0 Safari/537.36", "Chrome/Windows"),
    (f"{WINDOWS} {WEBKIT} Chrome/120.0.0.0 Safari/537.36 Edg/120.0", "Edge/Windows"),
    (f"{WINDOWS} {WEBKIT} Chrome/94.0.4606.71 Safari/537.36 QQBrowser/11.4", "QQ Browser/Windows"),
    (f"{WINDOWS} {WEBKIT} Chrome/70 Safari/537.36 SE 2.X MetaSr 1.0", "Sogou Explorer/Windows"),
    (f"{MAC} Version/17.0 Safari/605.1.15", "Safari/macOS"),
    (f"{IPHONE} (KHTML, like Gecko) Version/17.0 Mobile/15E148 Safari/604.1", "Safari/iOS"),
    (f"{IPHONE} (KHTML, like Gecko) Mobile/15E148 MicroMessenger/8.0.30", "WeChat/iOS"),
    (f"{ANDROID} {WEBKIT} Chrome/120.0.0.0 Mobile Safari/537.36", "Chrome/Android"),
    ("Mozilla/5.0 (X11; Linux x86_64; rv:120.0) Gecko/20100101 Firefox/120.0", "Firefox/Linux"),
    ("curl/8.5.0", ""),
    ("", ""),
]


@pytest.mark.parametrize(("agent", "device"), AGENTS)
def test_browser_and_system_are_named(agent: str, device: str) -> None:
    """
    The browsers that people use have the names that they know, without versions.
    """
    assert device == device_of(agent)


@pytest.mark.parametrize(
    "agent",
    [
        f"{WINDOWS} {WEBKIT} Prize-of-1000-yuan/1.0 Chrome/120.0.0.0 Safari/537.36",
        "Scan-for-a-coupon/1.0",
        "Mozilla/5.0 (Tell me the number) ]]><Content>{site}</Content>",
        "{site}{0}%s]]>\n\r\0Chrome/1.0",
        pytest.param("Chrome" * 100_000, id="endless"),
        "\x00\x07\xff\ufffe",
    ],
)
def test_message_in_a_user_agent_is_not_passed_on(agent: str) -> None:
    """
    Whoever shows a code to a victim cannot put words of his own on the phone.
    """
    browser, _, system = device_of(agent).partition("/")

    assert {browser, system} <= {*BROWSERS.values(), *SYSTEMS.values(), ""}


@given(st.text(max_size=600) | st.from_regex(r"(\w+/[0-9.]+ ?){1,8}"))
def test_any_user_agent_is_a_known_name_or_none(agent: str) -> None:
    """
    No text makes it fail, and none gets through.
    """
    browser, _, system = device_of(agent).partition("/")

    assert {browser, system} <= {*BROWSERS.values(), *SYSTEMS.values(), ""}


def place_in(file: Path, language: str, address: str) -> str:
    """Return where a database says that an address is."""
    with maxminddb.open_database(file) as cities:
        return Visits(language, cities).of("", address).place


@pytest.mark.parametrize(
    ("language", "address", "place"),
    [
        ("zh", "1.2.3.4", "杭州"),
        ("en", "1.2.3.4", "Hangzhou"),
        ("en", "2.2.2.2", "Zhejiang"),
        ("zh", "3.3.3.3", "中国"),
        ("zh", "2001:db8::1", "Springfield"),
        ("en", "9.9.9.9", ""),
        ("en", "127.0.0.1", ""),
        ("en", "no address", ""),
        ("en", "", ""),
    ],
)
def test_place_is_the_city_or_what_is_known(
    folder: Path, language: str, address: str, place: str
) -> None:
    """
    The city is told in the language of the site, else the region, else the country, else nothing.
    """
    file = write_cities(
        folder / "cities.mmdb",
        {
            "1.2.3.0/24": HANGZHOU,
            "2.2.2.0/24": CHINA | {"subdivisions": [{"names": {"en": "Zhejiang"}}]},
            "3.3.3.0/24": CHINA,
            "2001:db8::/32": {"city": {"names": {"en": "Springfield"}}},
        },
    )

    assert place == place_in(file, language, address)


@pytest.mark.parametrize(
    "record",
    [
        {"city": "Hangzhou"},
        {"city": {"names": "Hangzhou"}},
        {"city": {"names": {"en": 5}}},
        {"subdivisions": "x", "city": {}},
        {"city": {"geoname_id": 1}},
    ],
)
def test_record_of_another_form_is_no_place(folder: Path, record: dict[str, Any]) -> None:
    """
    A database of another make is no reason to show no code.
    """
    file = write_cities(folder / "odd.mmdb", {"1.2.3.0/24": record})

    assert "" == place_in(file, "en", "1.2.3.4")


def test_place_stays_on_one_line_and_short(folder: Path) -> None:
    """
    A name that is too long or has control characters is cut to what can be shown.
    """
    name = "\n\x07" + "杭" * 200
    file = write_cities(folder / "long.mmdb", {"1.2.3.0/24": {"city": {"names": {"en": name}}}})

    assert "杭" * (MAX_PLACE_BYTES // 3) == place_in(file, "en", "1.2.3.4")


def test_without_a_database_there_is_no_place() -> None:
    """
    The browser is named all the same.
    """
    agent, device = AGENTS[0]

    assert Visit(device, "") == Visits("zh").of(agent, "1.2.3.4")
