"""Uptime, rejects and temperature of the fleet."""

from datetime import UTC, datetime

import pytest

from metrics.dashboard.vitals import shown

MIDNIGHT = datetime(2026, 6, 3, tzinfo=UTC)
FIRST = datetime(2026, 6, 2, 13, tzinfo=UTC)


@pytest.mark.parametrize(
    ("hour", "uptime", "tone"),
    [
        (datetime(2026, 6, 2, 22, tzinfo=UTC), 1.2, "bad"),
        (datetime(2026, 6, 3, 11, tzinfo=UTC), 1.2, "muted"),
        (datetime(2026, 6, 3, 11, tzinfo=UTC), 99.9, "good"),
        (None, 1.2, "muted"),
        (None, 0.0, "bad"),  # nothing at all in 24 hours
    ],
)
def test_a_house_is_not_blamed_for_the_hours_before_its_first_reading(
    hour: datetime | None, uptime: float, tone: str
) -> None:
    hours = [] if hour is None else [(int(hour.timestamp()), uptime, None, None)]
    found = shown({"uptime": {"uptime": uptime}}, hours, FIRST, MIDNIGHT)[0]
    assert found.tone == tone
    assert ("nothing was measured before" in found.note) == (tone == "muted")
