"""A miner to store telemetry of, and what was stored."""

import pytest

from miners.models import Miner, Telemetry
from miners.telemetry import partitions
from tests.factories import MinerFactory


@pytest.fixture
def miner(db: None) -> Miner:
    return MinerFactory(name="bench")


@pytest.fixture(autouse=True)
def _forget_partitions() -> None:
    partitions.forget_known_days()


def stored() -> list[Telemetry]:
    """Return all telemetry, by miner and time."""
    return list(Telemetry.objects.order_by("miner_id", "timestamp"))
