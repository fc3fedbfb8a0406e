"""A site's own check of names and passwords, as Saoma asks for it (`accounts.verify_url`).

    SAOMA_VERIFY_SECRET=… python3 verify_example.py 8890

It needs Python and nothing else. Put your own look-up into `person_of`.
"""

import hmac
import json
import os
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

SECRET = os.environ.get("SAOMA_VERIFY_SECRET", "").encode()
WINDOW_SECONDS = 300
MAX_BODY_BYTES = 16 * 1024


def person_of(username: str, password: str) -> dict[str, object] | None:
    """Return who has that name and that password, and may come in."""
    if (username, password) == ("alice", "a right password"):
        return {"id": 4711, "username": "alice"}
    return None


def is_signed(timestamp: str, signature: str, body: bytes) -> bool:
    """Tell whether Saoma has sent this, and lately."""
    if not (timestamp.isdecimal() and abs(time.time() - int(timestamp)) <= WINDOW_SECONDS):
        return False
    expected = hmac.digest(SECRET, timestamp.encode() + b"." + body, "sha256").hex()
    return hmac.compare_digest(f"sha256={expected}".encode(), signature.encode())


class Handler(BaseHTTPRequestHandler):
    """Answers one question."""

    def do_POST(self) -> None:
        """200 with who it is, 401 when name or password is wrong, 403 for everybody else."""
        length = int(self.headers.get("Content-Length") or 0)
        body = self.rfile.read(length) if length <= MAX_BODY_BYTES else b""
        timestamp = self.headers.get("X-Saoma-Timestamp", "")
        if not is_signed(timestamp, self.headers.get("X-Saoma-Signature", ""), body):
            return self.answer(403, {})
        asked = json.loads(body)
        person = person_of(asked["username"], asked["password"])
        return self.answer(200, person) if person else self.answer(401, {})

    def answer(self, status: int, fields: dict[str, object]) -> None:
        """Send *fields* as JSON."""
        body = json.dumps(fields).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


if __name__ == "__main__":
    if len(SECRET) < 16:
        sys.exit("set SAOMA_VERIFY_SECRET to 16 characters or more")
    ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
