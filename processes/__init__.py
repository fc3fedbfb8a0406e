"""The processes beside the server: the embedded store, the sandbox, the workers.

Each is started in a session of its own, so that Ctrl-C reaches the server
alone and it ends them in order; and each dies with it if it is killed.
"""

from processes.child import StartError
from processes.data import claim
from processes.sandbox import sandbox
from processes.valkey import embedded_store, socket_of
from processes.workers import run_workers

__all__ = [
    "StartError",
    "claim",
    "embedded_store",
    "run_workers",
    "sandbox",
    "socket_of",
]
