"""The ledger's reader, while another run of the engine is at work."""

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from metrics.engine.run import Busy, run
from metrics.ledger.asked import LedgerAsked
from metrics.ledger.read import LedgerReader
from metrics.query import BeingComputed, prepared
from tests.metrics.fleet_at_work import report, working_miners

NOW = datetime(2026, 6, 1, 12, 10, tzinfo=UTC)  # 13:10 in London


@pytest.mark.django_db
@pytest.mark.parametrize("together", [False, True])
def test_lines_that_are_not_right_are_refused_before_the_first_is_sent(
    together: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    (miner,) = working_miners(1, NOW, hours=3)
    run(NOW)
    reader = LedgerReader(LedgerAsked(NOW.date(), together=together), NOW, ZoneInfo("Europe/London"), "GBP")
    report(miner, NOW - timedelta(hours=5))

    def busy(*args: Any, **kwargs: Any) -> int:
        raise Busy

    monkeypatch.setattr(prepared, "clean", busy)
    with pytest.raises(BeingComputed):
        reader.lines()
