"""The figures that operators see at `/metrics`, by the names of the contract.

With several processes, prometheus-client keeps them in files that every
process reads (`PROMETHEUS_MULTIPROC_DIR`), so any of them answers for all.
"""

import os

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    disable_created_metrics,
    generate_latest,
)
from prometheus_client.multiprocess import MultiProcessCollector

disable_created_metrics()  # type: ignore[no-untyped-call]  # a figure for each figure's age
registry = CollectorRegistry()

sockets_open = Gauge(
    "saoma_sockets_open", "Open WebSockets.", registry=registry, multiprocess_mode="livesum"
)
polls_open = Gauge(
    "saoma_polls_open",
    "Requests in hand of pages without a WebSocket.",
    registry=registry,
    multiprocess_mode="livesum",
)
pool_scenes = Gauge(
    "saoma_pool_scenes",
    "Scene ids by state.",
    ["state"],
    registry=registry,
    multiprocess_mode="mostrecent",
)
pool_exhausted = Counter(
    "saoma_pool_exhausted", "Pages told that no scene id is free.", registry=registry
)
codes_today = Gauge(
    "saoma_codes_today",
    "Codes that WeChat was asked for since midnight in Beijing, by all nodes.",
    registry=registry,
    multiprocess_mode="mostrecent",
)
codes_daily_limit = Gauge(
    "saoma_codes_daily_limit",
    "The most codes for a day; 0 = no limit.",
    registry=registry,
    multiprocess_mode="mostrecent",
)
codes_ready = Gauge(
    "saoma_codes_ready",
    "Codes made ahead that no page has yet.",
    registry=registry,
    multiprocess_mode="livesum",
)
qr_issued = Counter("saoma_qr_issued", "Codes shown to pages.", registry=registry)
scans = Counter("saoma_scans", "Scans by what came of them.", ["outcome"], registry=registry)
push_seconds = Histogram(
    "saoma_push_seconds",
    "From an event received to its frame written.",
    registry=registry,
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
)
sessions_created = Counter("saoma_sessions_created", "Sessions begun.", registry=registry)
binds = Counter("saoma_binds", "Bind requests by outcome.", ["outcome"], registry=registry)
wechat_requests = Counter(
    "saoma_wechat_requests",
    "Calls to WeChat by error code; none = no answer.",
    ["endpoint", "errcode"],
    registry=registry,
)
wechat_seconds = Histogram(
    "saoma_wechat_seconds", "Duration of calls to WeChat.", ["endpoint"], registry=registry
)
wechat_circuit_open = Gauge(
    "saoma_wechat_circuit_open",
    "1 while a call to WeChat is not made because it cannot succeed.",
    ["endpoint"],
    registry=registry,
    multiprocess_mode="livemax",
)

for outcome in ("success", "bind_required", "denied", "stale", "duplicate", "unknown"):
    scans.labels(outcome)  # shown as 0 from the start, so that rates and alerts work


def wechat_call(endpoint: str, errcode: str, seconds: float) -> None:
    """Count one call to WeChat."""
    wechat_requests.labels(endpoint, errcode).inc()
    wechat_seconds.labels(endpoint).observe(seconds)


def wechat_circuit(endpoint: str, is_open: bool) -> None:
    """Show that a circuit opened or closed."""
    wechat_circuit_open.labels(endpoint).set(int(is_open))


def exposition() -> bytes:
    """Return all figures in Prometheus text format."""
    if "PROMETHEUS_MULTIPROC_DIR" not in os.environ:
        return generate_latest(registry)
    everywhere = CollectorRegistry()
    MultiProcessCollector(everywhere)  # type: ignore[no-untyped-call]
    return generate_latest(everywhere)
