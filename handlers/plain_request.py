"""Requests of the plain kind, as a connection says them: whole, alone, without conditions."""

from httptools import HttpParserError, HttpParserUpgrade, HttpRequestParser

# Asked for with these, an answer is another than the plain one.
CONDITIONS = frozenset(
    {"expect", "if-match", "if-none-match", "if-modified-since", "if-range", "range"}
)


# A request that changes the protocol and has a body is one that readers take apart differently.
BODIES = frozenset({"content-length", "transfer-encoding"})


class PlainRequest:
    """What the parser has found; the names of its methods are the parser's."""

    _parser: HttpRequestParser
    """While it reads only: the two know each other, and would have to be found to be freed."""

    def __init__(self) -> None:
        self.method = ""
        """In capitals."""
        self.body = b""
        self.headers: dict[str, str] = {}
        """Values by name in small letters; several of a name as one."""
        self.keep_alive = False
        self.upgrades = False
        """Whether another protocol is asked for."""
        self.rest = b""
        """What was said after it, in that protocol."""
        self._url = b""
        self._begun = self._whole = self._hosts = 0

    def on_message_begin(self) -> None:
        self._begun += 1

    def on_url(self, part: bytes) -> None:
        self._url += part

    def on_header(self, name: bytes, value: bytes) -> None:
        known, text = name.decode("latin1").lower(), value.decode("latin1")
        self._hosts += known == "host"
        self.headers[known] = f"{self.headers[known]},{text}" if known in self.headers else text

    def on_headers_complete(self) -> None:
        self.keep_alive = self._parser.should_keep_alive()

    def on_body(self, part: bytes) -> None:
        self.body += part

    def on_message_complete(self) -> None:
        self._whole += 1

    @property
    def target(self) -> tuple[str, str]:
        """Path and query, as they were sent."""
        path, _, query = self._url.decode("latin1").partition("?")
        return path, query

    def feed(self, said: bytes) -> bool:
        """Read *said*; tell whether it is one request that everybody understands alike."""
        self._parser = parser = HttpRequestParser(self)
        try:
            parser.feed_data(said)
        except HttpParserUpgrade as upgrade:
            self.upgrades, self.rest = True, said[upgrade.args[0] :]
        except HttpParserError:
            return False
        finally:
            del self._parser
        self.method = parser.get_method().decode("latin1")
        if parser.get_http_version() != "1.1" or self._hosts != 1:
            return False
        if self.upgrades and not BODIES.isdisjoint(self.headers):
            return False
        return (self._begun, self._whole) == (1, 1) and CONDITIONS.isdisjoint(self.headers)


def read(said: bytes) -> PlainRequest | None:
    """Return the plain request that *said* is, or None when it is anything else, more or less."""
    request = PlainRequest()
    return request if request.feed(said) else None
