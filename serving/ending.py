"""A good end: nobody is cut off, nothing is lost, nobody storms back."""

import asyncio
import logging
from contextlib import suppress

from tornado.httpserver import HTTPServer

from handlers import Context
from login import CloseCode

log = logging.getLogger("saoma")

# The pause between two pages that are sent away, so that they do not come back
# all at once; with few pages open the end is near all the same.
PAUSE_SECONDS = 0.05
# What of the drain time may pass with sending pages away.
SHARE = 0.6
# For a request that came in last of all; WeChat waits no longer for an answer.
LAST_SECONDS = 5.0


async def drain(server: HTTPServer, context: Context, seconds: float) -> None:
    """Stop taking requests, send the pages to another process, finish the work in hand."""
    context.readiness.draining = True
    server.stop()
    pages = list(context.sockets.open)
    log.info("draining pages=%d", len(pages))
    try:
        async with asyncio.timeout(seconds):
            pause = min(PAUSE_SECONDS, SHARE * seconds / max(1, len(pages)))
            for place, socket in enumerate(pages):
                if place:
                    await asyncio.sleep(pause)
                socket.close(CloseCode.RESTARTING, "restarting")
            await context.sockets.none.wait()
            await context.pages.settled()
            await context.requests.none.wait()
            await context.pages.codes.ready.close()
    except TimeoutError:
        log.warning("drained not all pages=%d", len(context.sockets.open))
    await server.close_all_connections()
    # What came in on an open connection until just now still needs what we have open.
    with suppress(TimeoutError):
        await asyncio.wait_for(context.requests.none.wait(), LAST_SECONDS)
    await context.pages.settled()
