"""What cannot be believed, and that everything else can."""

from datetime import UTC, datetime, timedelta

import pytest

from miners.telemetry.rows import TelemetryRow
from miners.telemetry.rules import refusal

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


def row(**fields: object) -> TelemetryRow:
    return TelemetryRow(**({"miner_id": 1, "timestamp": NOW, "covered_s": 30} | fields))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {
            "power_w": 0.0,
            "hashrate_ghs": 0.0,
            "temperature_c": -50.0,
            "fan_rpm": 0,
            "accepted": 0,
            "rejected": 0,
        },
        {"power_w": 1e-100, "hashrate_ghs": 1e-100, "temperature_c": -1e-100},
        {"power_w": 100_000.0, "temperature_c": 200.0, "covered_s": 7 * 86400, "accepted": 2**31 - 1},
        {"timestamp": NOW + timedelta(minutes=5)},
        {"timestamp": datetime(2009, 1, 3, tzinfo=UTC), "covered_s": 1},
    ],
)
def test_believable(fields: dict[str, object]) -> None:
    assert refusal(row(**fields), NOW) is None


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"power_w": float("nan")}, "power_w nan"),
        ({"hashrate_ghs": float("inf")}, "hashrate_ghs inf"),
        ({"temperature_c": float("-inf")}, "temperature_c -inf"),
        ({"power_w": -0.1}, "power_w -0.1"),
        ({"power_w": 100_000.1}, "power_w"),
        ({"hashrate_ghs": -1.0}, "hashrate_ghs"),
        ({"temperature_c": -273.0}, "temperature_c -273.0"),
        ({"temperature_c": 200.5}, "temperature_c"),
        ({"power_w": 5e-324}, "power_w 5e-324"),
        ({"hashrate_ghs": 1e-200}, "hashrate_ghs 1e-200"),
        ({"temperature_c": -1e-320}, "temperature_c -1e-320"),
        ({"fan_rpm": -1}, "fan_rpm"),
        ({"accepted": -1}, "accepted"),
        ({"rejected": 2**31}, "rejected"),
        ({"accepted": 10**400}, "accepted"),
        ({"covered_s": 0}, "covered_s 0"),
        ({"covered_s": 7 * 86400 + 1}, "covered_s"),
        ({"timestamp": NOW + timedelta(minutes=5, seconds=1)}, "ahead of now"),
        ({"timestamp": datetime(2009, 1, 2, tzinfo=UTC)}, "before the first block"),
        ({"timestamp": datetime(2026, 3, 1, 12)}, "no UTC offset"),
    ],
)
def test_refused_with_a_reason_that_names_it(fields: dict[str, object], named: str) -> None:
    assert named in (refusal(row(**fields), NOW) or "")
