"""A site that lets Saoma sign its visitors in: `python docs/example/serve.py`.

Its pages come from http://127.0.0.1:8890, with a strict policy. Its back end knows a visitor by
asking Saoma `GET /session` with the visitor's own cookie. Standard library only.
"""

import argparse
import json
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from string import Template
from urllib.error import HTTPError
from urllib.request import Request, urlopen

HERE = Path(__file__).resolve().parent
FILES = {
    "/": ("index.html", "text/html; charset=utf-8"),
    "/style.css": ("style.css", "text/css"),
    "/shop.js": ("shop.js", "text/javascript"),
}
POLICY = (
    "default-src 'none'; script-src 'self' {saoma}; style-src 'self'; img-src data:; "
    "connect-src 'self' {saoma} {socket}; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'; require-trusted-types-for 'script'"
)


class Site(ThreadingHTTPServer):
    """The shop on *port* (0 = any) of this machine; its visitors sign in at *saoma*, an origin."""

    daemon_threads = True

    def __init__(self, saoma: str, port: int) -> None:
        super().__init__(("127.0.0.1", port), Handler)
        self.saoma = saoma

    @property
    def policy(self) -> str:
        """The content security policy of its pages."""
        return POLICY.format(saoma=self.saoma, socket="ws" + self.saoma.removeprefix("http"))


class Handler(BaseHTTPRequestHandler):
    """A request to the shop."""

    server: Site

    def do_GET(self) -> None:
        """Answer with a file, or with what is for a signed-in visitor only."""
        path = self.path.partition("?")[0]
        if path == "/orders":
            username = self.signed_in()
            status = HTTPStatus.OK if username else HTTPStatus.UNAUTHORIZED
            text = f"{username}: three teapots." if username else ""
            self.answer(status, "application/json", json.dumps({"text": text}))
        elif path in FILES:
            name, kind = FILES[path]
            file = Template((HERE / name).read_text(encoding="utf-8"))
            self.answer(HTTPStatus.OK, kind, file.safe_substitute(server=self.server.saoma))
        else:
            self.answer(HTTPStatus.NOT_FOUND, "text/plain", "")

    def signed_in(self) -> str:
        """Return the user name of the visitor, as Saoma tells it, or ""."""
        question = Request(  # noqa: S310, the operator's own address
            f"{self.server.saoma}/session", headers={"Cookie": self.headers.get("Cookie", "")}
        )
        try:
            with urlopen(question, timeout=5) as answer:  # noqa: S310
                username: str = json.load(answer)["username"]
                return username
        except HTTPError:
            return ""

    def answer(self, status: HTTPStatus, kind: str, text: str) -> None:
        """Write the answer."""
        body = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Content-Security-Policy", self.server.policy)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def main() -> None:
    """Serve until Ctrl-C."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--saoma", default="http://127.0.0.1:8888", help="origin of Saoma")
    parser.add_argument("--port", type=int, default=8890)
    arguments = parser.parse_args()
    with Site(arguments.saoma, arguments.port) as site:
        print(f"http://127.0.0.1:{arguments.port}; Ctrl-C ends it")
        site.serve_forever()


if __name__ == "__main__":
    main()
