"""As many lines to the store as a test wants: later calls need not wait for one to be made."""

import asyncio

from store import Store


async def open_lines(store: Store, count: int) -> None:
    """Let *count* round trips be under way at once, so that there are as many lines."""
    gate = store.key("gate")
    waiting = []
    for _ in range(count - 1):
        waiting.append(asyncio.ensure_future(store.ask("BLPOP", gate, 0)))
        await asyncio.sleep(0)  # what is asked in one turn would go together
        await asyncio.sleep(0)
    await store.ask("RPUSH", gate, *range(count))
    await asyncio.gather(*waiting)
