"""The lines of the table of miners."""

from collections.abc import Callable
from datetime import datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from metrics.dashboard.miner_table import (
    SlotHashrate,
    in_order,
    miner_rows,
    natural_key,
    silence_notice,
    spark_series,
)
from metrics.query.conditions import MinerNow

Make = Callable[..., MinerNow]
SLOT = timedelta(minutes=30)


def test_what_needs_attention_comes_first_then_names_as_people_order_them(miner: Make, now: datetime) -> None:
    miners = [
        miner(1, name="rig-10"),
        miner(2, name="rig-2"),
        miner(3, name="zeta", state="unreachable"),
        miner(4, name="alpha", hashrate_ghs=0.0),
    ]
    assert [row.name for row in miner_rows(in_order(miners, now), [], {}, now)] == [
        "zeta",
        "alpha",
        "rig-2",
        "rig-10",
    ]


def test_an_unreachable_miner_shows_no_old_figures_as_present_ones(miner: Make, now: datetime) -> None:
    dark = miner(
        state="unreachable",
        state_reason="no answer within 5 s",
        state_since=now - timedelta(minutes=8),
        reading_at=now - timedelta(minutes=9),
    )
    row = miner_rows([dark], [], {1: 0.5}, now)[0]
    assert (row.hashrate, row.power_w, row.temperature_c, row.efficiency_j_per_th) == ("–",) * 4
    assert (row.state, row.since, row.reason, row.reading_age) == (
        "unreachable",
        "for 8 min",
        "no answer within 5 s",
        "9 min",
    )
    assert row.rejects_percent == "0.50"


def test_a_hashing_miner(miner: Make, now: datetime) -> None:
    row = miner_rows([miner(temperature_c=65.4)], [], {}, now)[0]
    assert (row.hashrate, row.power_w, row.temperature_c) == ("1.20 TH/s", "18.0", "65")
    assert (row.efficiency_j_per_th, row.rejects_percent, row.reading_age) == ("15.0", "–", "12 s")
    assert row.is_hot


def test_a_model_without_a_limit_is_never_hot(miner: Make, now: datetime) -> None:
    assert not miner_rows([miner(temperature_c=99.0, max_temperature_c=None)], [], {}, now)[0].is_hot


def test_silence_asks_for_the_collector() -> None:
    assert silence_notice(1).startswith("1 without readings")
    assert "is the collector running?" in silence_notice(1)
    assert silence_notice(0) == ""


def slot(start: datetime, hashrate_ghs: float) -> SlotHashrate:
    return SlotHashrate(1, int(start.timestamp()), hashrate_ghs)


def test_a_slot_without_a_row_is_a_gap_and_the_open_slot_is_left_out(now: datetime) -> None:
    opened = now.replace(minute=0)
    slots = [slot(opened - n * SLOT, 100.0 * n) for n in (0, 1, 3, 48, 49)]
    series = spark_series(slots, now)[1]
    assert len(series) == 48
    assert series[-3:] == [300.0, None, 100.0]
    assert series[0] == 4800.0


def test_finer_slots_give_a_finer_line(now: datetime) -> None:
    quarter = timedelta(minutes=15)
    slots = [slot(now.replace(minute=0) - n * quarter, 1.0) for n in (1, 2)]
    assert len(spark_series(slots, now)[1]) == 96


def test_the_sparkline_says_in_words_what_it_draws(miner: Make, now: datetime) -> None:
    slots = [slot(now.replace(minute=0) - n * SLOT, 1000.0 + n) for n in range(1, 25)]
    spark = miner_rows([miner()], slots, {}, now)[0].spark
    assert "1.00 TH/s to 1.02 TH/s, 50 % not measured" in spark
    assert "nothing measured" in miner_rows([miner()], [], {}, now)[0].spark


names_and_shuffled = st.lists(st.text(max_size=12), max_size=12).flatmap(
    lambda names: st.tuples(st.just(names), st.permutations(names))
)


@given(names_and_shuffled)
def test_any_names_have_one_order(lists: tuple[list[str], list[str]]) -> None:
    names, shuffled = (sorted(names, key=natural_key) for names in lists)
    assert list(map(natural_key, names)) == list(map(natural_key, shuffled))
