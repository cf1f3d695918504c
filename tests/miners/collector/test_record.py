"""Batches in the database: the short way means what the long one means, and nothing counts twice."""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any
from unittest.mock import patch

import pytest
from django.db import ProgrammingError, connection, transaction
from django.test.utils import CaptureQueriesContext
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from hmm.models import DirtyRange
from miners.collector.poll import Outcome, Target
from miners.collector.record import record
from miners.drivers.base import Reading
from miners.models import LatestReading, Miner, MinerModel, MinerState, SetAside, Site, StateChange, Telemetry
from miners.telemetry import tick, tick_sql
from miners.telemetry.packed.store import pack
from miners.telemetry.rows import TelemetryRow, WriteResult
from miners.telemetry.tick_sql import NAME, PREFIX, refresh_tick_function
from miners.telemetry.write import write_rows
from tests.factories import MinerFactory, SiteFactory
from tests.miners.collector.conftest import NOON


def target(miner: Miner) -> Target:
    return Target(miner.pk, miner.name, miner.host, miner.port, miner.driver, miner.identity, 30)


def said(miner: Miner, offset_s: float, result: Reading | str | None = None, **fields: Any) -> Outcome:
    reading = Reading("line", **{"hashrate_ghs": 1200.0, "power_w": 15.0} | fields)
    return Outcome(target(miner), NOON + timedelta(seconds=offset_s), result or reading)


def make_miner(site: Site, **fields: Any) -> Miner:
    return MinerFactory(
        **{"site": site, "host": "127.0.0.1", "port": 80, "driver": "line", "model": None} | fields
    )


@pytest.fixture
def site(db: None) -> Site:
    return SiteFactory(poll_interval_s=30)


@pytest.fixture
def miner(site: Site) -> Miner:
    return make_miner(site)


def everything() -> dict[str, list[Any]]:
    """Return all that a batch may change."""
    return {
        "rows": list(Telemetry.objects.order_by("miner_id", "timestamp").values()),
        "latest": list(LatestReading.objects.order_by("pk").values()),
        "miners": list(Miner.objects.order_by("pk").values()),
        "changes": list(StateChange.objects.order_by("pk").values()),
        "aside": list(SetAside.objects.order_by("pk").values()),
        "dirty": list(DirtyRange.objects.order_by("pk").values()),
    }


def states(miner: Miner) -> list[tuple[str, datetime]]:
    return list(StateChange.objects.filter(miner=miner).order_by("at").values_list("state", "at"))


def test_the_same_batch_again_changes_nothing(miner: Miner, site: Site) -> None:
    other = make_miner(site, identity="")
    batch = [
        said(miner, 0.25, accepted=5),
        said(miner, 30.5, accepted=9, hashrate_ghs=0.0, mode="paused"),
        said(miner, 60.75, "no answer within 5 s"),
        said(miner, 90.1, "connection refused"),
        said(miner, 120.0, accepted=2),
        said(miner, 150.0, power_w=-5.0),
        said(other, 10.0, model="Gamma", identity="02:AA", warnings=("hot",)),
    ]
    record(batch, NOON + timedelta(hours=1))
    before = everything()
    assert len(before["changes"]) == 7
    assert len(before["aside"]) == 1
    result = record(batch, NOON + timedelta(hours=2))
    assert everything() == before
    assert (result.stored, result.unchanged) == (0, 4)


def test_the_same_batch_again_changes_nothing_where_its_day_has_been_packed(miner: Miner) -> None:
    """As after a long outage, of which the oldest is packed while the rest is still being stored."""
    batch = [said(miner, 0, accepted=5), said(miner, 70, accepted=9)]
    record(batch, NOON + timedelta(hours=1))
    before = everything()
    pack([miner.pk], NOON.date())
    assert record(batch, NOON + timedelta(days=10)) == WriteResult(unchanged=2)
    assert everything() == before


def test_parts_of_a_batch_again_and_then_more_is_as_if_nothing_had_come_twice(miner: Miner) -> None:
    batch = [said(miner, 30 * n, "refused" if n % 3 == 2 else None, accepted=5 * n) for n in range(8)]
    record(batch[:5], NOON + timedelta(hours=1))
    record(batch[2:], NOON + timedelta(hours=1))
    assert [(r.covered_s, r.accepted) for r in Telemetry.objects.order_by("timestamp")] == [
        *((30, None), (30, 5), (60, 10), (30, 5), (60, 10), (30, 5)),
    ]
    assert [state for state, _ in states(miner)] == ["online", "unreachable"] * 2 + ["online"]


def test_one_outcome_again_as_a_tick_of_its_own_changes_nothing(miner: Miner) -> None:
    one = said(miner, 0, accepted=5, mode="eco")
    record([one], NOON)
    before = everything()
    assert record([one], NOON) == WriteResult(unchanged=1)
    assert everything() == before


def test_a_reading_from_before_the_newest_is_stored_without_shares_and_leaves_the_state(miner: Miner) -> None:
    """As when another collector has taken over, and the first one finds its way back."""
    record([said(miner, 0, accepted=5)], NOON)
    record([said(miner, 120, accepted=9)], NOON)
    record([said(miner, 180, "refused")], NOON)
    record([said(miner, 60, accepted=7, hashrate_ghs=0.0)], NOON + timedelta(hours=1))
    rows = [(r.covered_s, r.accepted) for r in Telemetry.objects.order_by("timestamp")]
    assert rows == [(30, None), (60, None), (30, 4)]
    assert [state for state, _ in states(miner)] == ["online", "unreachable"]
    assert LatestReading.objects.get().accepted_counter == 9


def test_a_failure_from_before_the_last_change_does_not_turn_the_state_back(miner: Miner) -> None:
    record([said(miner, 0)], NOON)
    record([said(miner, 60, "refused")], NOON)
    record([said(miner, 90)], NOON)
    before = states(miner)
    record([said(miner, 75, "no answer")], NOON)
    assert states(miner) == before


def test_states_have_the_times_at_which_they_were_seen(miner: Miner) -> None:
    record(
        [said(miner, 0), said(miner, 30, "refused"), said(miner, 60, "refused")], NOON + timedelta(hours=9)
    )
    assert states(miner) == [("online", NOON), ("unreachable", NOON + timedelta(seconds=30))]
    miner.refresh_from_db()
    assert (miner.state, miner.state_since) == (MinerState.UNREACHABLE, NOON + timedelta(seconds=30))


def test_facts_are_kept_anew_when_a_row_without_the_collector_wrote_others(miner: Miner) -> None:
    record([said(miner, 0, mode="eco")], NOON)
    LatestReading.objects.update(mode="someone else's", facts_digest=None)
    record([said(miner, 30, mode="eco")], NOON)
    assert LatestReading.objects.get().mode == "eco"


@pytest.mark.parametrize(("few", "statements"), [(1000, 1), (0, 2)])
def test_a_tick_takes_one_statement_or_two_however_many_miners(
    site: Site, monkeypatch: pytest.MonkeyPatch, few: int, statements: int
) -> None:
    monkeypatch.setattr(tick, "FEW", few)
    fleet = [make_miner(site) for _ in range(20)]
    record([said(miner, 0) for miner in fleet], NOON)
    for count in (1, 20):
        with CaptureQueriesContext(connection) as seen:
            record([said(miner, 30 * count) for miner in fleet[:count]], NOON + timedelta(hours=1))
        # Beside them there are savepoints of the test's own transaction, and a look for partitions that it cannot commit.
        told = [
            query["sql"]
            for query in seen.captured_queries
            if PREFIX in query["sql"] or "miners_" in query["sql"]
        ]
        assert len(told) == statements


def test_many_new_miners_are_learned_in_as_many_statements_as_few(site: Site) -> None:
    def statements(miners: list[Miner]) -> int:
        facts = (
            {"model": f"M{n % 2}", "identity": f"02:00:5E:10:00:{miner.pk % 100:02}"}
            for n, miner in enumerate(miners)
        )
        with CaptureQueriesContext(connection) as seen:
            record([said(miner, 0, **told) for miner, told in zip(miners, facts, strict=True)], NOON)
        return len(seen)

    for name in ("M0", "M1"):
        MinerModel.objects.create(name=name)
    first, few, many = ([make_miner(site, driver="") for _ in range(count)] for count in (2, 2, 30))
    statements(first)  # which also looks for partitions
    assert statements(few) == statements(many)
    learned = Miner.objects.in_bulk([miner.pk for miner in many])
    assert {miner.state for miner in learned.values()} == {MinerState.ONLINE}
    assert [learned[miner.pk].model.name for miner in many] == ["M0", "M1"] * 15
    assert [learned[miner.pk].identity for miner in many] == [
        f"02:00:5E:10:00:{miner.pk % 100:02}" for miner in many
    ]
    dark = [said(miner, 30, "no answer within 5 s") for miner in many]
    record(dark, NOON + timedelta(seconds=31))
    gone = Miner.objects.get(pk=many[-1].pk)
    assert (gone.state, gone.state_reason, gone.state_since) == (
        "unreachable",
        "no answer within 5 s",
        dark[0].at,
    )
    assert gone.identity


def test_a_tick_beside_one_of_a_new_miner_stores_both(miner: Miner, site: Site) -> None:
    record([said(miner, 0)], NOON)
    new = make_miner(site)
    assert record([said(miner, 30), said(new, 30)], NOON) == WriteResult(stored=2)
    assert LatestReading.objects.filter(timestamp=NOON + timedelta(seconds=30)).count() == 2


def test_without_the_function_of_the_tick_its_statement_is_sent(
    miner: Miner, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """As when a newer version has migrated the database under a collector that still runs."""
    monkeypatch.setattr(tick, "_without_function", set())
    record([said(miner, 0)], NOON)
    with connection.cursor() as cursor:
        cursor.execute(f"ALTER FUNCTION {NAME} RENAME TO {PREFIX}newer")
    for n in (1, 2):
        assert record([said(miner, 30 * n)], NOON) == WriteResult(stored=1)
    assert [message for message in caplog.messages if NAME in message] == [
        f"the database has no function {NAME}: run manage.py migrate, and start HMM anew"
    ]


def test_a_function_of_the_tick_that_fails_otherwise_is_no_missing_one(
    miner: Miner, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tick, "_without_function", set())
    monkeypatch.setattr(tick, "CALL", "SELECT no_such_column")
    with pytest.raises(ProgrammingError, match="no_such_column"):
        record([said(miner, 0)], NOON)


def test_migrating_makes_the_function_of_the_tick_anew_and_drops_others(db: None) -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"ALTER FUNCTION {NAME} RENAME TO {PREFIX}older")
        for _ in range(2):
            refresh_tick_function(using="default")
            cursor.execute("SELECT proname FROM pg_proc WHERE starts_with(proname, %s)", [PREFIX])
            assert cursor.fetchall() == [(NAME,)]


def test_a_function_of_the_tick_that_cannot_be_made_leaves_the_one_there_is(
    db: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tick_sql, "_function_sql", lambda name: "SELECT no_such_column")
    with pytest.raises(ProgrammingError, match="no_such_column"):
        refresh_tick_function(using="default")
    with connection.cursor() as cursor:
        cursor.execute("SELECT proname FROM pg_proc WHERE starts_with(proname, %s)", [PREFIX])
        assert cursor.fetchall() == [(NAME,)]


def test_a_tick_beside_a_moved_miner_stores_the_others(miner: Miner, site: Site) -> None:
    moved = make_miner(site)
    batch = [said(miner, 0), said(moved, 0)]
    Miner.objects.filter(pk=moved.pk).update(port=81)
    assert record(batch, NOON) == WriteResult(stored=1)
    assert list(Telemetry.objects.values_list("miner_id", flat=True)) == [miner.pk]


def test_a_host_with_quotes_in_it_is_compared_as_it_is(site: Site) -> None:
    odd = make_miner(site, host='a"b\\c,{d}')
    assert record([said(odd, 0)], NOON) == WriteResult(stored=1)


figures = st.none() | st.sampled_from([0.0, 0.1, 1200.5, 99_999_999.0])
counters = st.none() | st.integers(0, 40) | st.sampled_from([2**40, 2**63 - 1, 2**63])
readings = st.builds(
    Reading,
    st.just("line"),
    model=st.sampled_from([None, "Gamma"]),
    firmware=st.sampled_from([None, "v2", "v\x003"]),
    hashrate_ghs=figures,
    power_w=st.none() | st.sampled_from([15.0, -1.0, float("nan"), 1e6]),
    temperature_c=st.none() | st.floats(-50, 200),
    fan_rpm=st.none() | st.integers(0, 9000),
    accepted=counters,
    rejected=counters,
    uptime_s=counters,
    mode=st.sampled_from([None, "eco", "é\ud800"]),
    warnings=st.sampled_from([(), ("hot",)]),
    identity=st.sampled_from([None, "02:AA"]),
)
turns = st.lists(
    st.tuples(st.sampled_from([1, 29, 30, 31, 75, 76, 400]), st.dictionaries(st.integers(0, 2), readings)),
    max_size=6,
)


def stored_by(way: Callable[[Sequence[Outcome]], object], fleet: Sequence[Miner], told: Any) -> list[Any]:
    offset_s = 0
    for step_s, batch in told:
        offset_s += step_s
        way([said(fleet[which], offset_s + which / 4, reading) for which, reading in batch.items()])
    place = {miner.pk: n for n, miner in enumerate(fleet)}
    ids = {"miner_id__in": list(place)}
    return [
        [
            (place[r.pop("miner_id")], r)
            for r in Telemetry.objects.filter(**ids).order_by("miner_id", "timestamp").values()
        ],
        [
            (place[r.pop("miner_id")], {k: v for k, v in r.items() if k != "facts_digest"})
            for r in LatestReading.objects.filter(**ids).order_by("pk").values()
        ],
        list(
            Miner.objects.filter(pk__in=place)
            .order_by("pk")
            .values_list("state", "state_reason", "state_since", "model__name", "identity")
        ),
        [
            (place[c.miner_id], c.at, c.state, c.reason)
            for c in StateChange.objects.filter(**ids).order_by("miner_id", "at")
        ],
    ]


@pytest.mark.parametrize("few", [1000, 0])
@given(told=turns)
@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_the_short_way_means_what_the_long_way_means(db: None, few: int, told: Any) -> None:
    """Rows, latest readings, states and what is learned are the same either way; and all of it is dirty."""
    now = NOON + timedelta(hours=1)

    def short_way(batch: Sequence[Outcome]) -> object:
        with patch.object(tick, "FEW", few):
            return record(batch, now)

    def long_way(batch: Sequence[Outcome]) -> object:
        with patch("miners.collector.record.split", lambda outcomes, _now: ([], list(outcomes))):
            return record(batch, now)

    with transaction.atomic():
        site = SiteFactory(poll_interval_s=30)
        here = [make_miner(site, maintenance=n == 2) for n in range(3)]
        there = [make_miner(site, maintenance=n == 2) for n in range(3)]
        short = stored_by(short_way, here, told)
        event(f"{len(short[0])} rows")
        assert short == stored_by(long_way, there, told)
        for row in Telemetry.objects.all():
            start = row.timestamp - timedelta(seconds=row.covered_s)
            assert DirtyRange.objects.filter(
                entity_ids__contains=[row.miner_id], start__lte=start, end__gte=row.timestamp
            ).exists()
        transaction.set_rollback(True)


def test_rows_of_others_between_two_ticks_are_counted_from(miner: Miner) -> None:
    record([said(miner, 0, accepted=5)], NOON)
    write_rows([TelemetryRow(miner.pk, NOON + timedelta(seconds=20), 10)], source="push", now=NOON)
    record([said(miner, 30, accepted=6)], NOON)
    assert [(r.covered_s, r.accepted) for r in Telemetry.objects.order_by("timestamp")] == [
        *((30, None), (10, None), (10, 1)),
    ]
