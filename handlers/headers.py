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
