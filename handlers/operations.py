"""For operators: alive, ready, figures."""

import asyncio
from collections.abc import Awaitable
from http import HTTPStatus

from tornado.web import HTTPError

import metrics
from handlers.base import BaseHandler
from handlers.context import Check
from store import StoreUnavailable

CHECK_SECONDS = 3.0


class OperationsHandler(BaseHandler):
    """Asked by machines: no cookies."""

    def prepare(self) -> None:
        self.context.requests.begin()
        self.browser = ""

    def head(self) -> Awaitable[None] | None:
        """Answer as to GET, without the body: some balancers ask so."""
        answer: Awaitable[None] | None = self.get()
        return answer


class HealthHandler(OperationsHandler):
    """`/healthz`: the process lives."""

    def get(self) -> None:
        """Say so."""
        self.write_json({"status": "ok"})


class ReadyHandler(OperationsHandler):
    """`/readyz`: whether this process should get requests."""

    async def get(self) -> None:
        """Check what we depend on; WeChat being away is told, but is no reason to go."""
        readiness = self.context.readiness
        names = ("redis", "accounts", "wechat")
        found = dict(
            zip(
                names,
                await asyncio.gather(*(_checked(getattr(readiness, name)) for name in names)),
                strict=True,
            )
        )
        fine = found["redis"] == found["accounts"] == "ok" and not readiness.draining
        if readiness.draining:
            found["server"] = "draining"
        self.set_status(HTTPStatus.OK if fine else HTTPStatus.SERVICE_UNAVAILABLE)
        self.write_json(found)


class MetricsHandler(OperationsHandler):
    """`/metrics`: the figures, for addresses that may read them."""

    async def get(self) -> None:
        """Write them in Prometheus text format."""
        if not self.context.site.may_read_metrics(self.request):
            raise HTTPError(HTTPStatus.FORBIDDEN)
        budget = self.context.pages.client.budget
        metrics.codes_daily_limit.set(budget.limits.daily_codes)
        try:
            metrics.codes_today.set(await budget.today())
            for state, count in (await self.context.pages.pool.count()).items():
                metrics.pool_scenes.labels(state).set(count)
        except StoreUnavailable:
            pass  # the other figures are wanted most when the store is down
        self.set_header("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
        self.finish(metrics.exposition())


async def _checked(check: Check) -> str:
    try:
        async with asyncio.timeout(CHECK_SECONDS):
            return await check()
    except TimeoutError:
        return "no answer"
