"""Leases on scene ids and the state of attempts, in Redis.

Each `.lua` file beside this one is one atomic step; all of them can be asked
again without harm, because clients retry.
"""

from scene_pool.attempts import (
    FIRST_CHANGE,
    Advance,
    Attempts,
    ReceiptTaken,
    Record,
    Refused,
    TicketOwner,
)
from scene_pool.pool import (
    AlreadyScanned,
    Lease,
    LeaseLost,
    PoolExhausted,
    Rules,
    ScenePool,
    TicketTaken,
)

__all__ = [
    "FIRST_CHANGE",
    "Advance",
    "AlreadyScanned",
    "Attempts",
    "Lease",
    "LeaseLost",
    "PoolExhausted",
    "ReceiptTaken",
    "Record",
    "Refused",
    "Rules",
    "ScenePool",
    "TicketOwner",
    "TicketTaken",
]
