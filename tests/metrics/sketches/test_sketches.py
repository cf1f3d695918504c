"""Sketches in the store: merged in any grouping, kept where telemetry is gone, and never of another's time."""

from collections import Counter
from datetime import timedelta
from itertools import pairwise

import pytest
from django.db import connection
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from metrics.engine.grid import grid
from metrics.engine.run import run
from metrics.query import get_metric
from metrics.sketches.quantities import QUANTITY_STEP, SHIFT, ZERO, estimate, key_of
from metrics.sketches.write import SKETCHES
from tests.factories import MinerFactory, SiteFactory, TariffFactory
from tests.metrics.reference import Row, clipped, percentile
from tests.metrics.store_helpers import NOW, at, epoch, rolled_back, store_rows, taken_for_large, use_zone

pytestmark = pytest.mark.django_db

HASHRATE = ("hashrate_p50_ghs", "hashrate_p95_ghs", "hashrate_p99_ghs")
PERCENTS = (50, 95, 99)


@pytest.fixture
def farm():
    use_zone("Europe/London")
    site = SiteFactory(tariff=TariffFactory())
    return site, [MinerFactory(site=site), MinerFactory(site=site)]


def sketches(**wanted):
    """Return (entity type, id, period, timestamp) → bucket → seconds."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT entity_type, entity_id, period, timestamp, buckets, seconds FROM metrics_sketch"
        )
        return {
            tuple(key): Counter(dict(zip(buckets, seconds, strict=True)))
            for *key, buckets, seconds in cursor.fetchall()
            if wanted.items() <= dict(zip(("entity_type", "entity_id", "period"), key, strict=False)).items()
        }


def percentiles_of(cells):
    """Let the database make the percentiles of (value, seconds) pairs, pair by pair."""
    rows = ", ".join(f"({ZERO + key_of(value)}, {seconds}::bigint)" for value, seconds in cells)
    source = f"SELECT 7::bigint AS place, bucket, seconds FROM (VALUES {rows}) AS cell(bucket, seconds)"
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {', '.join(HASHRATE)} FROM ({SKETCHES.format(cells=source)}) x")
        return cursor.fetchone()


weighted = st.lists(
    st.tuples(st.floats(-50, 200) | st.just(0.0), st.integers(1, 3600)), min_size=1, max_size=60
)


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(cells=weighted)
def test_percentiles_are_within_one_percent_of_the_nearest_rank(cells):
    cells = [(0.0 if abs(value) < 1e-9 else value, seconds) for value, seconds in cells]
    expected = [percentile(cells, percent) for percent in PERCENTS]
    assert list(percentiles_of(cells)) == [pytest.approx(value, rel=0.01) for value in expected]


@st.composite
def readings(draw):
    """Rows of two miners (0 and 1) over some days, at any cadence, with gaps, cold and hot."""
    rows = []
    for miner in (0, 1):
        end = epoch("2025-03-29T20:00") + draw(st.integers(0, 4000))
        for _ in range(draw(st.integers(1, 25))):
            covered = draw(st.sampled_from((30, 300, 3600, 10_000)))
            end += covered + draw(st.sampled_from((0, 0, 17, 20_000)))
            temperature = draw(st.none() | st.integers(-20, 90))
            rows.append(Row(miner, end - covered, end, None, draw(st.integers(0, 500)), temperature))
    return rows


@settings(max_examples=10, deadline=None, suppress_health_check=list(HealthCheck), phases=[Phase.generate])
@given(rows=readings(), large=st.booleans())
def test_merging_in_any_grouping_equals_the_sketch_of_all(farm, rows, large):
    """A day, week, month, site and system hold exactly the seconds of all their miners' hours."""
    site, miners = farm
    with rolled_back(), taken_for_large(large):
        rows = [Row(**{**row.__dict__, "miner": miners[row.miner].pk}) for row in rows]
        store_rows(rows)
        run(NOW)
        cut, told = grid(NOW), clipped(rows)
        for (kind, pk, period, start), found in sketches().items():
            end = cut.bucket_at(period, start).end
            own = [r for r in told if kind != "miner" or r.miner == pk]
            assert pk == {"site": site.pk, "system": None}.get(kind, pk)
            assert found == _counted(own, int(start.timestamp()), int(end.timestamp())), (kind, period, start)
        assert {period for _, _, period, _ in sketches()} == {"hourly", "daily", "weekly", "monthly"}


def _counted(rows, start_s, end_s):
    found = Counter()
    for row in rows:
        seconds = min(row.end_s, end_s) - max(row.start_s, start_s)
        for number, value in enumerate((row.hashrate_ghs, row.temperature_c)):
            if seconds > 0 and value is not None:
                found[number * QUANTITY_STEP + ZERO + key_of(value)] += seconds
    return found


def hours(miner, begin, hashrates):
    start = epoch(begin)
    return [Row(miner.pk, start + i * 3600, start + (i + 1) * 3600, 1.0, h) for i, h in enumerate(hashrates)]


def p50(miner, period, begins):
    row = get_metric(
        metric_type="hashrate",
        entity_type="miner",
        entity_id=miner.pk,
        period=period,
        timestamp=at(begins),
        now=NOW,
    )
    assert row is not None
    return row.value_json["p50"]


def test_a_slot_has_no_percentiles_and_an_hour_has(farm):
    _, (miner, _) = farm
    store_rows(hours(miner, "2025-06-02T10:00", [500.0]))
    run(NOW)
    assert p50(miner, "slot", "2025-06-02T10:00") is None
    assert p50(miner, "hourly", "2025-06-02T10:00") == pytest.approx(500, rel=0.01)


def test_a_late_row_changes_the_sketches_of_every_level_and_of_nobody_else(farm):
    site, (miner, other) = farm
    store_rows(hours(miner, "2025-06-02T10:00", [500.0]) + hours(other, "2025-06-02T10:00", [100.0]))
    run(NOW)
    before = sketches(entity_type="miner", entity_id=other.pk)
    store_rows([Row(miner.pk, epoch("2025-06-02T11:00"), epoch("2025-06-02T12:00"), 1.0, 900.0)])
    run(NOW)
    assert sketches(entity_type="miner", entity_id=other.pk) == before
    expected = Counter({ZERO + key_of(h): 3600 for h in (500.0, 900.0, 100.0)})
    for period in ("daily", "weekly", "monthly"):
        (found,) = sketches(entity_type="system", period=period).values()
        assert found == expected
        assert sketches(entity_type="site", entity_id=site.pk, period=period).popitem()[1] == expected


def test_longer_periods_are_merged_where_telemetry_is_gone(farm):
    _, (miner, _) = farm
    store_rows(hours(miner, "2025-06-02T10:00", [100.0, 200.0, 300.0]))
    run(NOW)
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM telemetry")
    use_zone("Europe/Berlin")
    run(NOW)
    assert p50(miner, "hourly", "2025-06-02T11:00") == pytest.approx(200, rel=0.01)
    assert p50(miner, "daily", "2025-06-01T22:00") == pytest.approx(200, rel=0.01)
    assert p50(miner, "monthly", "2025-05-31T22:00") == pytest.approx(200, rel=0.01)


def test_what_a_miner_did_before_it_belonged_to_a_site_is_in_no_sketch(farm):
    site, (miner, _) = farm
    later = MinerFactory(site=site)
    later.moves.update(start_date=at("2025-06-03T00:00").date())
    store_rows(hours(miner, "2025-06-02T10:00", [500.0]) + hours(later, "2025-06-02T10:00", [900.0]))
    run(NOW)
    assert not sketches(entity_id=later.pk)
    (found,) = sketches(entity_type="system", period="daily").values()
    assert found == Counter({ZERO + key_of(500.0): 3600})


def test_the_seconds_of_a_month_of_many_miners_fit(farm):
    with connection.cursor() as cursor:
        source = "SELECT 7::bigint AS place, 32768 + 1301 AS bucket, 5000000000 AS seconds"
        cursor.execute(f"SELECT seconds, hashrate_p50_ghs FROM ({SKETCHES.format(cells=source)}) x")
        seconds, half = cursor.fetchone()
    assert seconds == [5_000_000_000]
    assert half == pytest.approx(estimate(SHIFT + 1))


def test_the_open_hour_says_what_the_closed_one_will(farm):
    _, (miner, _) = farm
    run(at("2025-06-02T10:00"))
    rows = [
        Row(miner.pk, a, b, 1.0, 100.0 + n)
        for n, (a, b) in enumerate(pairwise(range(epoch("2025-06-02T10:00"), epoch("2025-06-02T11:00"), 60)))
    ]
    store_rows(rows, now=at("2025-06-02T11:00"))
    ask = {"metric_type": "hashrate", "entity_type": "miner", "entity_id": miner.pk, "period": "hourly"}
    begins = at("2025-06-02T10:00")
    live = get_metric(**ask, timestamp=begins, now=begins + timedelta(hours=1) - timedelta(seconds=1))
    closed = get_metric(**ask, timestamp=begins, now=begins + timedelta(hours=1, minutes=5))
    assert live is not None
    assert closed is not None
    assert (live.source, closed.source) == ("live", "store")
    assert {p: live.value_json[p] for p in ("p50", "p95", "p99")} == {
        p: closed.value_json[p] for p in ("p50", "p95", "p99")
    }
