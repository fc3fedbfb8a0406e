"""What a request tells of its browser and place, in words that may be shown on a phone.

A User-Agent is whatever its sender wrote, and a code may be shown to a victim: a
name from it would carry a message of the sender's. So only names that are listed
here are ever shown.
"""

from functools import lru_cache
from typing import Any

import maxminddb
import ua_parser

from login import Visit

MAX_AGENT_LENGTH = 512
MAX_PLACE_BYTES = 128
# So many agents are remembered, half a megabyte at most; a site's visitors share a few.
KNOWN_AGENTS = 1024
BROWSERS = {
    "Chrome": "Chrome",
    "Chrome Mobile": "Chrome",
    "Chrome Mobile iOS": "Chrome",
    "Chromium": "Chromium",
    "Edge": "Edge",
    "Edge Mobile": "Edge",
    "Firefox": "Firefox",
    "Firefox Mobile": "Firefox",
    "Firefox iOS": "Firefox",
    "HeadlessChrome": "Headless Chrome",
    "IE": "Internet Explorer",
    "MiuiBrowser": "Mi Browser",
    "Mobile Safari": "Safari",
    "Opera": "Opera",
    "Opera Mobile": "Opera",
    "QQ Browser": "QQ Browser",
    "QQ Browser Mobile": "QQ Browser",
    "Safari": "Safari",
    "Samsung Internet": "Samsung Internet",
    "Sogou Explorer": "Sogou Explorer",
    "UC Browser": "UC Browser",
    "WeChat Browser": "WeChat",
}
SYSTEMS = {
    "Android": "Android",
    "Chrome OS": "Chrome OS",
    "Debian": "Linux",
    "Fedora": "Linux",
    "HarmonyOS": "HarmonyOS",
    "Linux": "Linux",
    "Mac OS X": "macOS",
    "Ubuntu": "Linux",
    "Windows": "Windows",
    "iOS": "iOS",
}
NAMES = {"zh": ("zh-CN", "en"), "en": ("en",)}
"""How a city database names our languages."""


class Visits:
    """Looks browsers and places up. *cities* knows addresses; without it there are no places."""

    def __init__(self, language: str, cities: maxminddb.Reader | None = None) -> None:
        self._names = NAMES[language]
        self._cities = cities
        device_of("")  # reads the library's patterns now, not when the first page is opened

    def of(self, user_agent: str, address: str) -> Visit:
        """Return what is known of a browser at *address*; never fails."""
        return Visit(device_of(user_agent[:MAX_AGENT_LENGTH]), self._place_of(address))

    def _place_of(self, address: str) -> str:
        """Return the city of *address*, or else the region or the country."""
        if self._cities is None:
            return ""
        try:
            found: Any = self._cities.get(address)
            divisions = found.get("subdivisions") or [{}]
            parts = (found.get("city"), divisions[0], found.get("country"))
            names = [each.get("names") or {} for each in parts if each]
            place = next((each[name] for each in names for name in self._names if name in each), "")
        # An address that is none, a record of another form, a file that is broken inside.
        except (ValueError, AttributeError, LookupError, maxminddb.InvalidDatabaseError):
            return ""
        return _plain(place) if isinstance(place, str) else ""


@lru_cache(KNOWN_AGENTS)
def device_of(user_agent: str) -> str:
    """Return browser and system as a `Visit` has them."""
    parsed = ua_parser.parse(user_agent)
    browser = BROWSERS.get(parsed.user_agent.family, "") if parsed.user_agent else ""
    system = SYSTEMS.get(parsed.os.family, "") if parsed.os else ""
    return "/".join(filter(None, (browser, system)))


def _plain(place: str) -> str:
    """Return *place* on one line, and not too long to be shown."""
    line = "".join(letter for letter in place if letter.isprintable())
    return line.encode()[:MAX_PLACE_BYTES].decode(errors="ignore")
