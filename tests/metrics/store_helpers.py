"""Putting telemetry and prices where the engine finds them, and laying its figures beside the reference."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import transaction

from energy.models import PriceSlot, Tariff
from hmm.installation import forget_installation
from hmm.models import DirtyRange, Installation
from metrics.engine.grid import grid
from metrics.models import Metric
from miners.models import Miner, Site
from miners.telemetry.rows import TelemetryRow
from miners.telemetry.write import write_rows
from tests.metrics.reference import Price, Row, clipped, figures

NOW = datetime(2026, 6, 1, 12, 0, tzinfo=UTC)


def at(text: str) -> datetime:
    """Return the instant that an ISO time without offset means in UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def epoch(text: str) -> int:
    """Return that instant in seconds since the epoch."""
    return int(at(text).timestamp())


def moment(seconds: int) -> datetime:
    """Return the instant so many seconds after the epoch."""
    return datetime.fromtimestamp(seconds, UTC)


@contextmanager
def rolled_back() -> Iterator[None]:
    """Undo what an example of hypothesis writes: examples of one test share its transaction."""
    forget_installation()
    with transaction.atomic():
        yield
        transaction.set_rollback(True)
    forget_installation()


def use_zone(name: str) -> None:
    """Put the installation into a time zone."""
    Installation.objects.update_or_create(pk=1, defaults={"time_zone": name, "currency": "GBP"})
    forget_installation()


def store_rows(rows: list[Row], now: datetime = NOW) -> None:
    """Deliver rows in the order given."""
    write_rows(
        [
            TelemetryRow(
                miner_id=r.miner,
                timestamp=moment(r.end_s),
                covered_s=r.end_s - r.start_s,
                power_w=r.power_w,
                hashrate_ghs=r.hashrate_ghs,
                temperature_c=r.temperature_c,
                accepted=r.accepted,
                rejected=r.rejected,
            )
            for r in rows
        ],
        source="push",
        now=now,
    )


def store_prices(tariff: Tariff, prices: list[Price]) -> None:
    """Put prices in place of what the tariff has there."""
    PriceSlot.objects.bulk_create(
        (
            PriceSlot(tariff=tariff, start=moment(p.start_s), end=moment(p.end_s), pence_per_kwh=p.pence)
            for p in {p.start_s: p for p in prices}.values()
        ),
        update_conflicts=True,
        unique_fields=["tariff", "start"],
        update_fields=["end", "pence_per_kwh"],
    )
    DirtyRange.objects.bulk_create(
        DirtyRange(
            kind=DirtyRange.Kind.TARIFF,
            entity_ids=[tariff.pk],
            start=moment(p.start_s),
            end=moment(p.end_s),
        )
        for p in prices
    )


def assert_store_is_right(rows: list[Row], prices: list[Price], miners: list[Miner], site: Site) -> int:
    """Compare every figure in the store with the reference; return how many there are."""
    cut = grid(NOW)
    told = clipped(rows)
    expected: dict[tuple[str, int | None, str, datetime, str], dict[str, Any]] = {}
    first, last = min(r.start_s for r in told), max(r.end_s for r in told)
    for period in ("slot", "hourly", "daily", "weekly", "monthly"):
        for bucket in cut.buckets(period, moment(first), moment(last)):
            start, end = int(bucket.start.timestamp()), int(bucket.end.timestamp())
            entities: list[tuple[str, int | None, list[Row]]] = [
                *(("miner", m.pk, [r for r in told if r.miner == m.pk]) for m in miners),
                ("site", site.pk, told),
                ("system", None, told),
            ]
            for kind, pk, own in entities:
                for name, value in (
                    figures(own, prices, start, end, kind, is_slot=period == "slot") or {}
                ).items():
                    expected[(kind, pk, period, bucket.start, name)] = value
    stored = {
        (m.entity_type, m.entity_id, m.period, m.timestamp, m.metric_type): m.value_json
        for m in Metric.objects.all()
    }
    assert stored.keys() == expected.keys()
    for key, value in expected.items():
        assert_same(stored[key], value, key)
    return len(expected)


CLOSE = {"stability": {"abs": 1e-4}} | {key: {"rel": 0.01} for key in ("p50", "p95", "p99")}


def assert_same(found: dict[str, Any], expected: dict[str, Any], where: object) -> None:
    """Compare two value_json: numbers to 1e-9, stability to 1e-4 absolute, percentiles to 1 %."""
    assert found.keys() == expected.keys(), where
    for key, value in expected.items():
        close = CLOSE.get(key, {"rel": 1e-9, "abs": 1e-9})
        wanted = pytest.approx(value, **close) if isinstance(value, int | float) else value
        assert found[key] == wanted, (where, key)


@contextmanager
def taken_for_large(large: bool) -> Iterator[None]:
    """Have any amount of work done the way that much work is done."""
    with pytest.MonkeyPatch.context() as patch:
        if large:
            patch.setattr("metrics.engine.pieces.MANY_MINER_HOURS", 0)
            patch.setattr("metrics.engine.pieces.WORTH_A_SCAN", timedelta(0))
            patch.setattr("metrics.engine.pieces.FEW_EDGES", 30)  # a day's hours, and not its slots
            patch.setattr("metrics.engine.merge.MANY_ROWS", 0)
            patch.setattr("metrics.sketches.write.FEW", 0)
        yield
