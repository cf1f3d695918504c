"""Sites' and the system's rows of every period, beside the slots of the miners that were there, whatever moved."""

from collections import defaultdict
from datetime import date, datetime, timedelta
from itertools import product
from zoneinfo import ZoneInfo

import pytest
from django.db import connection
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from hmm.lib.buckets import PERIODS
from metrics.engine.belonging import Span
from metrics.engine.grid import grid
from metrics.engine.merge import homes_of
from metrics.engine.run import run
from miners.membership import move_miner
from miners.models import Telemetry
from miners.telemetry.packed.dropping import days_before, drop_day
from miners.telemetry.packed.store import pack
from tests.factories import MinerFactory, SiteFactory, TariffFactory
from tests.metrics.reference import Row
from tests.metrics.store_helpers import NOW, at, epoch, rolled_back, store_rows, taken_for_large, use_zone

pytestmark = pytest.mark.django_db

FIRST = date(2025, 3, 26)
DAYS = 12
"""Over London's clock change, the turn of a month and of two weeks."""

ZONES = ("Europe/London", "Asia/Kathmandu")
HOURS = st.lists(st.integers(0, DAYS * 24 - 1), min_size=1, max_size=12, unique=True)
MOVES = st.lists(st.tuples(st.integers(0, 2), st.integers(0, DAYS), st.integers(0, 2)), max_size=5)


@st.composite
def scenes(draw):
    early, late = draw(st.tuples(st.tuples(HOURS, HOURS, HOURS), st.tuples(HOURS, HOURS, HOURS)))
    dropped = draw(st.integers(0, DAYS))
    kept = [[hour for hour in hours if hour >= 24 * dropped] for hours in late]
    return draw(st.sampled_from(ZONES)), early, dropped, draw(MOVES), kept, draw(st.booleans())


def tell(miners, told):
    """Store an hour's row for each of these hours of each miner."""
    start = epoch(f"{FIRST}T00:00")
    rows = [
        Row(miner.pk, start + 3600 * n, start + 3600 * (n + 1), 1000.0 + n, 500.0)
        for miner, hours in zip(miners, told, strict=True)
        for n in hours
    ]
    store_rows(rows)


def drop_before(day):
    """Drop all telemetry from before this UTC day."""
    for miner_id, told in {(row.miner_id, row.timestamp.date()) for row in Telemetry.objects.all()}:
        pack([miner_id], told)
    for gone in days_before(day):
        drop_day(gone)


def where(moves, miner, first, day):
    """Return the site where the miner was on that local day."""
    at_first = [(since, site) for who, since, site in moves if who == miner and since <= day]
    return max(at_first, default=(date.min, first), key=lambda move: move[0])[1]


def stored(entity_types):
    """Return (entity type, id, period, start) → (joules, records, covered seconds, miners) as they are stored."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT entity_type, entity_id, period, timestamp, energy_j, records, covered_s, miner_count "
            "FROM metrics_rollup WHERE entity_type = ANY(%s)",
            [entity_types],
        )
        return {tuple(row[:4]): row[4:] for row in cursor.fetchall()}


def expected(places, zone):
    """Return what `stored` must of sites and the system, summed from the miners' slots; `places` says who was where."""
    joules, records, covered, who = (defaultdict(float), defaultdict(int), defaultdict(int), defaultdict(set))
    cut = grid(NOW)
    for (_, miner, period, start), (energy, told, seconds, _) in stored(["miner"]).items():
        if period != "slot":
            continue
        site = places(miner, start.astimezone(ZoneInfo(zone)).date())
        for longer, (kind, entity) in product(PERIODS, (("site", site), ("system", None))):
            key = (kind, entity, longer, cut.bucket_at(longer, start).start)
            joules[key] += energy
            records[key] += told
            covered[key] += seconds
            who[key].add(miner)
    return {
        key: (pytest.approx(joules[key]), records[key], covered[key], len(who[key]))
        for key in joules
        if cut.bucket_at(key[2], key[3]).end <= NOW
    }


@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck), phases=[Phase.generate])
@given(scene=scenes())
def test_sites_and_the_system_are_their_miners_whoever_moved_and_whatever_went_or_came_late(scene):
    zone, early, dropped, moves, late, large = scene
    with rolled_back(), taken_for_large(large):
        use_zone(zone)
        tariff = TariffFactory()
        sites = [SiteFactory(tariff=tariff) for _ in range(3)]
        miners = [MinerFactory(site=sites[0]), MinerFactory(site=sites[0]), MinerFactory(site=sites[1])]
        tell(miners, early)
        run(NOW)
        drop_before(FIRST + timedelta(days=dropped))
        done = {}
        for who, after, site in moves:
            since = FIRST + timedelta(days=after)
            move_miner(miners[who], sites[site], since, today=NOW.date())
            done[miners[who].pk, since] = sites[site].pk
            run(NOW)
        tell(miners, late)
        run(NOW)
        first = {m.pk: site.pk for m, site in zip(miners, (sites[0], sites[0], sites[1]), strict=True)}
        history = [(who, since, site) for (who, since), site in done.items()]
        assert stored(["site", "system"]) == expected(
            lambda miner, day: where(history, miner, first[miner], day), zone
        )


def span(miner_id: int, site_id: int, since: str, until: str) -> Span:
    return Span(miner_id, site_id, 0, epoch(since), epoch(until))


def moment(text: str) -> datetime:
    return at(f"{text}T00:00")


@pytest.mark.parametrize(
    ("spans", "loosely", "throughout"),
    [
        ([span(1, 7, "2025-01-01T00:00", "2026-01-01T00:00")], {1: 7}, {1: 7}),
        ([span(1, 7, "2025-03-03T00:00", "2026-01-01T00:00")], {1: 7}, None),
        (
            [
                span(1, 7, "2025-01-01T00:00", "2025-03-04T00:00"),
                span(1, 8, "2025-03-04T00:00", "2026-01-01T00:00"),
            ],
            None,
            None,
        ),
        (
            # Another tariff is no other site.
            [
                span(1, 7, "2025-01-01T00:00", "2025-03-04T00:00"),
                span(1, 7, "2025-03-04T00:00", "2026-01-01T00:00"),
            ],
            {1: 7},
            {1: 7},
        ),
        (
            [
                span(1, 8, "2025-01-01T00:00", "2025-03-01T00:00"),
                span(1, 7, "2025-03-01T00:00", "2026-01-01T00:00"),
            ],
            {1: 7},
            {1: 7},
        ),
    ],
)
def test_homes_are_told_only_where_nobody_moved_or_came(spans, loosely, throughout):
    week = moment("2025-03-02"), moment("2025-03-09")
    assert homes_of(spans, *week) == loosely
    assert homes_of(spans, *week, throughout=True) == throughout
