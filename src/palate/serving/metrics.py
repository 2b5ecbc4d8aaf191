"""What a service counts of itself, for Prometheus."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

from fastapi import APIRouter, Request
from fastapi.responses import Response
from prometheus_client import CollectorRegistry, Counter, Histogram, ProcessCollector
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

import palate
from palate.serving.access import Answered

if TYPE_CHECKING:
    from palate.serving.edition import Deck
    from palate.serving.live import Live

router = APIRouter()
BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""Seconds."""


@router.get("/metrics", response_class=Response, responses={200: {"content": {"text/plain": {}}}})
def metrics(request: Request) -> Response:
    """Tell what the service counts of itself, in the text format of Prometheus."""
    counted: Metrics = request.app.state.metrics
    return Response(generate_latest(counted.registry), media_type=CONTENT_TYPE_LATEST)


class Metrics:
    """Counters and gauges of one service; labels are templates of routes and never what was asked, so there are few."""

    def __init__(self, deck: Deck, live: Live | None) -> None:
        self.registry = CollectorRegistry()
        self._requests = Counter(
            "palate_http_requests", "Requests that ended.", ["method", "route", "status"], registry=self.registry
        )
        self._seconds = Histogram(
            "palate_http_request_seconds",
            "Seconds from a request's head to the answer's end.",
            ["method", "route"],
            buckets=BUCKETS,
            registry=self.registry,
        )
        self._events = Counter(
            "palate_events", "Events that came in, by what became of them.", ["outcome"], registry=self.registry
        )
        for outcome in ("accepted", "duplicate", "rejected"):
            self._events.labels(outcome)
        self.store_errors = 0
        """Requests that the store could not serve."""
        self.registry.register(_Now(self, deck, live))
        ProcessCollector(registry=self.registry)

    def tell(self, answered: Answered) -> None:
        """Count a request; one whose sender went away counts as 499."""
        self._requests.labels(answered.method, answered.route, answered.status or 499).inc()
        self._seconds.labels(answered.method, answered.route).observe(answered.seconds)

    def took(self, accepted: int, duplicates: int, rejected: int) -> None:
        """Count events."""
        for outcome, count in (("accepted", accepted), ("duplicate", duplicates), ("rejected", rejected)):
            self._events.labels(outcome).inc(count)


class _Now(Collector):
    """Looks, when asked, at what answers and at the store."""

    def __init__(self, counted: Metrics, deck: Deck, live: Live | None) -> None:
        self.counted, self.deck, self.live = counted, deck, live

    def collect(self) -> Iterator[Metric]:
        """Return what there is now."""
        edition = self.deck.edition
        engine = edition.engine
        about = GaugeMetricFamily("palate_build_info", "What answers; always 1.", labels=["version", "model"])
        about.add_metric([palate.__version__, engine.model.name], 1)
        yield about
        yield GaugeMetricFamily("palate_people", "People of whom something is known.", value=engine.people.count())
        yield GaugeMetricFamily("palate_edition_items", "Items that may be answered with.", value=len(engine.items))
        yield GaugeMetricFamily("palate_edition_users", "Users whom the model was taught.", value=len(engine.users))
        age = time.monotonic() - self.deck.since
        yield GaugeMetricFamily("palate_edition_age_seconds", "Since what answers was exchanged.", value=age)
        if self.live is not None:
            lag = time.monotonic() - self.live.follower.caught_up
            yield GaugeMetricFamily("palate_follower_lag_seconds", "Since the store was last followed.", value=lag)
            errors = self.counted.store_errors + self.live.troubles
            yield CounterMetricFamily("palate_store_errors", "Times that the store failed.", value=errors)
