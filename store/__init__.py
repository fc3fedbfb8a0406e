"""The store: Redis (or Valkey) as Saoma uses it.

One small pool of connections with time budgets of its own, Lua scripts that
live in files, keys that share one hash tag, and one error for everything that
can go wrong on the way. Whoever keeps state in Redis builds on this package;
it knows nothing of what they keep.
"""

from store.addresses import is_loopback, network_of
from store.clock import Clock
from store.connection import Store, StoreUnavailable, connect
from store.script import Script
from store.secrets import derive, digest, new_secret
from store.signals import Signals
from store.throttle import Limit, Throttle

__all__ = [
    "Clock",
    "Limit",
    "Script",
    "Signals",
    "Store",
    "StoreUnavailable",
    "Throttle",
    "connect",
    "derive",
    "digest",
    "is_loopback",
    "network_of",
    "new_secret",
]
