"""Pushed rows: each judged by itself, stored once, and what they say of a miner's state."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hmm.models import DirtyRange
from miners.models import (
    LatestReading,
    Miner,
    MinerState,
    PackedTelemetry,
    SetAside,
    Site,
    StateChange,
    Telemetry,
)
from miners.push.accept import Judged, Verdict, accept
from miners.push.body import GivenRow
from miners.push.silence import enter_silence
from miners.push.states import patience
from miners.telemetry.packed.dropping import drop_day
from miners.telemetry.packed.store import pack
from tests.factories import MinerFactory, SiteFactory

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
NOW = NOON + timedelta(minutes=1)
EMPTY = dict.fromkeys(("power_w", "hashrate_ghs", "temperature_c", "fan_rpm", "accepted", "rejected"))


@pytest.fixture
def site(db: None) -> Site:
    return SiteFactory(poll_interval_s=30)


@pytest.fixture
def miner(site: Site) -> Miner:
    return MinerFactory(name="afar", site=site)


def row(offset_s: float = 0, miner: str = "afar", **values: Any) -> dict[str, Any]:
    at = (NOON + timedelta(seconds=offset_s)).isoformat()
    return EMPTY | {"miner": miner, "timestamp": at, "power_w": 15.0, "hashrate_ghs": 1200.0} | values


def push(*rows: Any, now: datetime = NOW) -> list[Judged]:
    return accept([GivenRow(number, values) for number, values in enumerate(rows, 1)], now)


def verdicts(judged: list[Judged]) -> list[str]:
    return [one.verdict.value for one in judged]


def stored() -> list[tuple[int, int]]:
    """Return (second after noon, covered seconds) of every row."""
    rows = Telemetry.objects.order_by("miner_id", "timestamp")
    return [(int((one.timestamp - NOON).total_seconds()), one.covered_s) for one in rows]


def state_of(miner: Miner) -> tuple[str, str]:
    miner.refresh_from_db()
    return miner.state, miner.state_reason


def test_a_row_is_stored_with_the_latest_reading_and_what_is_to_be_computed_anew(miner: Miner) -> None:
    judged = push(row(temperature_c=61.5, fan_rpm=4200, accepted=3, rejected=0, covered_s=20))
    assert judged == [Judged(1, Verdict.STORED)]
    one = Telemetry.objects.get()
    assert (one.power_w, one.hashrate_ghs, one.temperature_c, one.fan_rpm) == (15.0, 1200.0, 61.5, 4200)
    assert (one.accepted, one.rejected, one.covered_s) == (3, 0, 20)
    assert LatestReading.objects.get().timestamp == NOON
    assert DirtyRange.objects.get().entity_ids == [miner.pk]


def test_each_row_gets_its_own_verdict_in_the_order_of_the_body(miner: Miner) -> None:
    push(row(0))
    judged = push(row(30), row(0), row(0, power_w=16.0), row(-30, power_w=-1), row(30), row(30, power_w=9))
    assert verdicts(judged) == ["stored", "repeated", "conflicting", "refused", "repeated", "conflicting"]
    assert [one.number for one in judged] == [1, 2, 3, 4, 5, 6]
    assert "power_w -1 is impossible" in judged[3].reason
    assert "kept aside" in judged[2].reason
    assert SetAside.objects.filter(source="push").count() == 3


@pytest.mark.parametrize(
    ("values", "says"),
    [
        (row(power_w=float("nan")), "power_w nan is impossible"),
        (row(hashrate_ghs=float("inf")), "hashrate_ghs inf is impossible"),
        (row(hashrate_ghs=1e9), "lies between 0 and 1e+08"),
        (row(61 + 300), "more than 5 minutes ahead"),
        (row(miner="nobody"), "no miner is called 'nobody'"),
        (row(miner=""), "miner is empty"),
        (row(miner=7), "is not a name"),
        (row(timestamp="2026-03-01T12:00:00"), "has no UTC offset"),
        (row(timestamp="noon"), "is not ISO 8601"),
        (row(timestamp=None), "is not ISO 8601"),
        (row(fan_rpm=1.5), "is not a whole number"),
        (row(accepted=-1), "accepted -1 is impossible"),
        (row(covered_s=0), "covered_s 0 is impossible"),
        (row(power_w="15"), "is not a number"),
        (row(power_w=True), "is not a number"),
        (row(colour="red"), "has an unknown column 'colour'"),
        ({"miner": "afar", "timestamp": "2026-03-01T12:00:00Z"}, "tells nothing"),
        ({"miner": "afar", "power_w": 15}, "has no column 'timestamp'"),
    ],
)
def test_what_cannot_be_believed_is_refused_by_itself_and_kept_aside_once(
    miner: Miner, values: dict[str, Any], says: str
) -> None:
    for _ in range(2):
        judged = push(values, row(0))
        assert judged[0].verdict == Verdict.REFUSED
        assert says in judged[0].reason
    assert stored() == [(0, 30)]
    aside = SetAside.objects.get()
    assert (aside.source, aside.reason) == ("push", judged[0].reason)


@pytest.mark.parametrize(
    "given_row",
    [
        GivenRow(1, '{"miner": \x00 \ud800', "is not JSON: x"),
        GivenRow(1, [1], "is not a JSON object"),
        GivenRow(1, {"miner": "a\x00\ud800", "power_w": [[{"a\x00": "\ud800"}]]}),
        GivenRow(1, {"miner": "x" * 200, "power_w": "y" * 100_000}),
    ],
)
def test_whatever_was_sent_can_be_kept_aside(db: None, given_row: GivenRow) -> None:
    (judged,) = accept([given_row], NOW)
    assert judged.verdict == Verdict.REFUSED
    assert len(SetAside.objects.get().row["row"]) <= 4000


def test_the_same_body_again_changes_nothing(miner: Miner) -> None:
    body = [row(0), row(31, accepted=4), row(200), row(40, power_w=-1), row(31, power_w=1)]
    push(*body)
    before = [
        list(model.objects.order_by("pk").values())
        for model in (LatestReading, SetAside, DirtyRange, StateChange)
    ]
    rows = stored()
    assert verdicts(push(*body)) == ["repeated"] * 3 + ["refused", "conflicting"]
    assert stored() == rows
    assert before == [
        list(model.objects.order_by("pk").values())
        for model in (LatestReading, SetAside, DirtyRange, StateChange)
    ]


def test_without_covered_s_a_row_covers_the_time_since_the_one_before_or_one_interval(miner: Miner) -> None:
    push(row(0), row(31), row(106), row(182))
    assert stored() == [(0, 30), (31, 31), (106, 75), (182, 30)]  # at most 2.5 × 30 s


def test_a_late_row_without_covered_s_is_measured_from_the_one_before_it(miner: Miner) -> None:
    push(row(0), row(300))
    push(row(50), now=NOW + timedelta(hours=1))
    push(row(-400), now=NOW + timedelta(hours=1))
    assert stored() == [(-400, 30), (0, 30), (50, 50), (300, 30)]


@given(
    st.lists(
        st.tuples(st.integers(-9, 0).map(lambda n: n * 17), st.sampled_from([None, 5, 30, 400])), max_size=9
    ),
    st.data(),
)
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_row_that_was_stored_is_repeated_ever_after(
    db: None, sketches: list[tuple[int, int | None]], data: st.DataObject
) -> None:
    """Whatever came between: rows without covered_s are no others because of those around them."""
    with transaction.atomic():
        MinerFactory(name="afar", site=SiteFactory(poll_interval_s=30))
        rows = [row(at, **({} if covered is None else {"covered_s": covered})) for at, covered in sketches]
        taken = [values for values in rows if verdicts(push(values)) == ["stored"]]
        again = [values for values in data.draw(st.permutations(taken)) if "covered_s" not in values]
        assert verdicts(push(*again)) == ["repeated"] * len(again)
        transaction.set_rollback(True)


def test_a_push_takes_few_queries_however_many_rows(
    site: Site, django_assert_max_num_queries: Callable[[int], Any]
) -> None:
    miners = [MinerFactory(site=site) for _ in range(20)]
    push(*(row(0, one.name) for one in miners))
    with django_assert_max_num_queries(25):
        push(*(row(30, one.name) for one in miners), *(row(15, one.name) for one in miners))


def test_a_miner_that_pushes_is_online_and_one_that_does_not_hash_is_not(miner: Miner) -> None:
    push(row(0), row(30))
    assert state_of(miner) == (MinerState.ONLINE, "")
    assert miner.state_since == NOW
    push(row(60, hashrate_ghs=0), now=NOW + timedelta(minutes=1))
    assert state_of(miner) == (MinerState.OFFLINE, "answers, and does not hash")
    push(row(90, hashrate_ghs=None), now=NOW + timedelta(minutes=2))
    assert state_of(miner) == (MinerState.ONLINE, "answers, and does not say its hashrate")
    assert StateChange.objects.count() == 3


def test_a_miner_in_maintenance_stays_so(miner: Miner) -> None:
    Miner.objects.update(maintenance=True)
    push(row(0))
    assert state_of(miner)[0] == MinerState.MAINTENANCE
    assert enter_silence(NOW + timedelta(days=1)) == 0


def test_history_says_nothing_about_now(miner: Miner) -> None:
    push(row(0), now=NOW + timedelta(hours=1))
    assert state_of(miner) == (MinerState.NEW, "")
    push(row(3600), now=NOW + timedelta(hours=1))
    push(row(1800, hashrate_ghs=0), now=NOW + timedelta(hours=1))
    assert state_of(miner) == (MinerState.ONLINE, "")


def test_rows_that_were_stored_before_are_no_sign_of_life(miner: Miner) -> None:
    push(row(0))
    push(row(0), now=NOW + timedelta(minutes=1))
    assert LatestReading.objects.get().pushed_at == NOW


def test_a_miner_with_an_address_is_what_its_polls_say(site: Site) -> None:
    polled = MinerFactory(name="afar", site=site, host="10.0.0.1")
    assert verdicts(push(row(0))) == ["stored"]
    assert state_of(polled) == (MinerState.NEW, "")
    assert enter_silence(NOW + timedelta(days=1)) == 0


def test_a_retired_miner_has_a_past_and_no_present(miner: Miner) -> None:
    Miner.objects.update(retired_at=NOON)
    judged = push(row(-30), row(30))
    assert verdicts(judged) == ["stored", "refused"]
    assert judged[1].reason == "afar was retired before that"


def test_who_stops_pushing_is_unreachable_and_comes_back(miner: Miner) -> None:
    push(row(0))
    assert enter_silence(NOW + timedelta(seconds=75)) == 0
    gone = NOW + timedelta(seconds=76)
    assert enter_silence(gone) == 1
    assert state_of(miner) == (MinerState.UNREACHABLE, "has pushed nothing since 2026-03-01 12:01:00 UTC")
    assert miner.state_since == gone
    assert enter_silence(gone + timedelta(days=1)) == 0
    back = gone + timedelta(minutes=5)
    push(row(60 + 76 + 300), now=back)
    assert state_of(miner) == (MinerState.ONLINE, "")
    assert [change.state for change in StateChange.objects.order_by("at")] == [
        "online",
        "unreachable",
        "online",
    ]


def test_who_pushes_rarely_may_be_silent_for_longer(miner: Miner) -> None:
    push(row(0))
    push(row(300), now=NOW + timedelta(seconds=300))
    assert enter_silence(NOW + timedelta(seconds=300 + 750)) == 0
    assert enter_silence(NOW + timedelta(seconds=300 + 751)) == 1


def test_a_look_for_silence_is_one_query_however_many_push(
    site: Site, django_assert_num_queries: Callable[[int], Any]
) -> None:
    miners = [MinerFactory(site=site) for _ in range(5)]
    push(*(row(0, one.name) for one in miners))
    with django_assert_num_queries(1):
        enter_silence(NOW)


@pytest.mark.parametrize(
    ("poll_interval_s", "push_gap_s", "expected_s"),
    [(30, None, 75), (30, 10, 75), (30, 60, 150), (30, 3600, 900), (600, 700, 1500), (600, 60, 1500)],
)
def test_how_long_a_miner_may_be_silent(
    poll_interval_s: int, push_gap_s: int | None, expected_s: int
) -> None:
    assert patience(poll_interval_s, push_gap_s) == timedelta(seconds=expected_s)


A_MONTH_ON = NOW + timedelta(days=30)


def test_a_row_for_a_packed_day_is_judged_as_if_the_day_were_plain(miner: Miner) -> None:
    push(row(0), row(60), row(90, covered_s=20))
    pack([miner.pk], NOON.date())
    judged = push(row(0), row(60, power_w=16.0), row(30), row(75, covered_s=30), now=A_MONTH_ON)
    assert verdicts(judged) == ["repeated", "conflicting", "stored", "stored"]
    assert stored() == [(0, 30), (30, 30), (60, 30), (75, 15), (90, 15)]
    assert not PackedTelemetry.objects.exists()


def test_a_row_for_a_dropped_day_is_refused_by_itself_with_that_reason(miner: Miner) -> None:
    push(row(0))
    pack([miner.pk], NOON.date())
    drop_day(NOON.date())
    judged = push(row(30), row(86400), now=A_MONTH_ON)
    assert verdicts(judged) == ["refused", "stored"]
    assert "the telemetry of that day has been dropped" in judged[0].reason
    assert SetAside.objects.get().row == {"row": json.dumps(row(30))}
