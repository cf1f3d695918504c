"""Miners as last heard of, for tests of what the page says about them."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from metrics.query.conditions import MinerNow

NOW = datetime(2025, 1, 15, 12, 10, tzinfo=UTC)

HASHING = MinerNow(
    id=1,
    name="gamma-1",
    model="Bitaxe Gamma",
    max_temperature_c=65.0,
    site_id=1,
    poll_interval_s=30,
    is_polled=True,
    state="online",
    state_reason="",
    state_since=NOW - timedelta(hours=5),
    reading_at=NOW - timedelta(seconds=12),
    hashrate_ghs=1_200.0,
    power_w=18.0,
    temperature_c=58.0,
)


@pytest.fixture
def now() -> datetime:
    """The moment of the tests."""
    return NOW


@pytest.fixture
def miner() -> Callable[..., MinerNow]:
    """A miner that hashes, but for what the test says otherwise."""

    def make(id: int = 1, **differences: Any) -> MinerNow:
        return replace(HASHING, id=id, **{"name": f"gamma-{id}"} | differences)

    return make
