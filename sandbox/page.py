"""The phone's page: one template in two languages, and its static files."""

from urllib.parse import urlencode

import msgspec
from tornado.web import RequestHandler, StaticFileHandler

from sandbox.api import ENDPOINTS
from sandbox.api_handlers import PICTURE
from sandbox.files import STATIC

LANGUAGES = ("zh", "en")
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


class PageHandler(RequestHandler):
    """`GET /phone`: `?ticket=` preselects a code, `?lang=zh|en` overrides the browser."""

    def initialize(self, account_id: str) -> None:
        self.account_id = account_id

    def get(self) -> None:
        asked = self.get_query_argument("lang", "")
        accepted = self.request.headers.get("Accept-Language", "")
        language = pick_language(asked, accepted)
        self.set_header("Cache-Control", "no-store")
        self.set_header("Vary", "Accept-Language")
        self.set_header("Content-Security-Policy", POLICY)
        self.set_header("Referrer-Policy", "no-referrer")
        self.set_header("X-Content-Type-Options", "nosniff")
        self.render(
            "phone.html",
            language=language,
            texts=read_texts(language),
            languages={name: self._address(name) for name in LANGUAGES},
            account_id=self.account_id,
            paths=[*ENDPOINTS, PICTURE],
        )

    def _address(self, language: str) -> str:
        ticket = self.get_query_argument("ticket", "")
        return "/phone?" + urlencode({"lang": language} | ({"ticket": ticket} if ticket else {}))


class AssetHandler(StaticFileHandler):
    """Static files that browsers ask about each time: modules of two releases never mix."""

    def set_extra_headers(self, path: str) -> None:
        self.set_header("Cache-Control", "no-cache")
        self.set_header("X-Content-Type-Options", "nosniff")


def pick_language(asked: str, accepted: str) -> str:
    """Return the language of the page: the one asked for, else the browser's favourite, else zh.

    Args:
        asked: The `lang` parameter, "" when there is none.
        accepted: The `Accept-Language` header (RFC 9110 §12.5.4).
    """
    if asked in LANGUAGES:
        return asked
    for wanted in _by_weight(accepted):
        for language in LANGUAGES:
            if wanted.split("-")[0] == language:
                return language
    # Somebody whose languages we lack reads English more likely than Chinese.
    return "en" if accepted else "zh"


def read_texts(language: str) -> dict[str, str]:
    """Return the words of the page; the same file serves its script."""
    raw = (STATIC / f"texts.{language}.json").read_bytes()
    return msgspec.json.decode(raw, type=dict[str, str])


def _by_weight(accepted: str) -> list[str]:
    weighed = []
    for item in accepted.lower().split(","):
        name, _, parameter = item.strip().partition(";")
        weight = parameter.strip().removeprefix("q=") if parameter else "1"
        weighed.append((float(weight) if weight.replace(".", "", 1).isdecimal() else 0.0, name))
    # Sorting is stable: equal weights keep the browser's order.
    return [name.strip() for weight, name in sorted(weighed, key=lambda pair: -pair[0]) if weight]
