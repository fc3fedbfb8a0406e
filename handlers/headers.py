"""What every answer tells browsers: whence scripts come, who may frame, read and remember it."""

from collections.abc import Iterator
from functools import cache

from handlers.context import Site

HSTS_SECONDS = 63_072_000
# What a page, or a script that got into it, could ask a browser for. Ours needs none of it.
FEATURES = ", ".join(
    f"{feature}=()"
    for feature in (
        *("accelerometer", "camera", "display-capture", "geolocation", "gyroscope"),
        *("magnetometer", "microphone", "midi", "payment", "usb"),
    )
)

FOR_DOCUMENTS = (
    *("Content-Security-Policy", "Permissions-Policy"),
    *("Cross-Origin-Opener-Policy", "X-Frame-Options"),
)
"""What browsers look at in documents only, not in scripts and style sheets."""
YEAR = 31_536_000
FOR_EVER = f"public, max-age={YEAR}, immutable"
"""How long browsers may keep a file whose address changes with its content."""


def browser_headers(site: Site, *, secure: bool) -> Iterator[tuple[str, str]]:
    """Yield name and value of each; *secure*: the browser came over TLS."""
    yield "Server", "saoma"
    yield "X-Content-Type-Options", "nosniff"
    # With "no-referrer", browsers send `Origin: null` with a form of a page without scripts.
    yield "Referrer-Policy", "same-origin"
    yield "X-Frame-Options", "DENY"
    yield "Cross-Origin-Opener-Policy", "same-origin"
    yield "Permissions-Policy", FEATURES
    yield "Content-Security-Policy", _policy(site.picture_origin, site.public_url)
    if secure:
        yield "Strict-Transport-Security", f"max-age={HSTS_SECONDS}"


def standing_headers(site: Site, *, secure: bool) -> Iterator[tuple[str, str]]:
    """Yield what every answer of a handler begins with."""
    yield from browser_headers(site, secure=secure)
    yield "Cache-Control", "no-store"
    yield "Cross-Origin-Resource-Policy", "same-origin"
    yield "Vary", "Origin"


def file_headers(site: Site, *, secure: bool, document: bool = True) -> Iterator[tuple[str, str]]:
    """Yield what an answer with a static file begins with; scripts and styles are no *document*."""
    for name, value in browser_headers(site, secure=secure):
        if document or name not in FOR_DOCUMENTS:
            yield name, value
    # The same for everybody and no secret: pages of other origins load modules from here.
    yield "Access-Control-Allow-Origin", "*"
    yield "Cross-Origin-Resource-Policy", "cross-origin"


@cache
def _policy(picture_origin: str, public_url: str) -> str:
    socket_origin = "ws" + public_url.removeprefix("http")
    return "; ".join(
        (
            "default-src 'none'",
            "script-src 'self'",
            "style-src 'self'",
            f"img-src 'self' data: {picture_origin}",
            # Older Safari does not take 'self' for a WebSocket.
            f"connect-src 'self' {socket_origin}",
            "form-action 'self'",
            "base-uri 'none'",
            "frame-ancestors 'none'",
            # Text of others can become markup in no script, not even by a mistake of ours.
            "require-trusted-types-for 'script'",
            "trusted-types 'none'",
        )
    )
