"""What is on the screen, at which size, and in which colour."""

from dataclasses import replace
from datetime import timedelta

import pytest
from rich.cells import cell_len
from rich.console import Console

from metrics.terminal.screen import Screen
from metrics.terminal.thresholds import Level
from tests.metrics.terminal.shown import (
    DARK,
    FINE_JOB,
    NOW,
    drawn,
    fitted,
    line_of,
    miner,
    prices,
    snapshot,
    whole,
    work,
)

RED, YELLOW, GREEN = "\x1b[1;31m", "\x1b[33m", "\x1b[32m"
SLOW_JOB = replace(FINE_JOB, name="run_daily", p99_s=9.0)
FIRST_FILL = replace(FINE_JOB, name="backfill", p99_s=9.0)
FAILING_JOB = replace(
    FINE_JOB,
    name="fetch_prices",
    runs=10,
    succeeded=8,
    p50_s=0.1,
    p99_s=0.2,
    last_started_at=NOW,
    last_error="Timeout: no answer\nsecond line",
)


def test_at_80_columns_every_figure_of_a_miner_is_there() -> None:
    assert line_of(whole(snapshot()), "miner") == "miner state hashrate W °C J/TH rej % age 24 h"
    assert line_of(whole(snapshot()), "gamma-1") == "gamma-1 hashing 1.20 TH/s 18.0 58 15.0 0.50 12 s ███████"


def test_at_120_columns_there_is_more() -> None:
    said = whole(snapshot(), 120)
    assert (
        line_of(said, "gamma-1")
        == f"gamma-1 hashing 5 h 1.20 TH/s 18.0 58 15.0 0.50 12 s {'█' * 24} Bitaxe Gamma"
    )
    assert "Price now" in said


def test_a_very_wide_terminal_says_why_a_miner_is_not_reached() -> None:
    assert "timed out" in line_of(whole(snapshot([miner(**DARK)]), 160), "gamma-1")


@pytest.mark.parametrize("width", [40, 60, 80, 100, 120, 160, 250])
def test_no_line_is_wider_than_the_terminal(width: int) -> None:
    miners = [miner(n, name=f"{'very long name ' * 9}{n}", **(DARK if n % 3 else {})) for n in range(1, 9)]
    shown = snapshot(miners, work=work([FAILING_JOB, SLOW_JOB]), notice="a notice " * 20)
    assert max(cell_len(line) for line in whole(shown, width).splitlines()) <= width


@pytest.mark.parametrize(("miners", "jobs"), [(1, 1), (12, 8), (100, 8), (1000, 0), (3, 30)])
def test_it_fits_24_lines_whatever_there_is(miners: int, jobs: int) -> None:
    lines = fitted(
        snapshot(
            [miner(n) for n in range(miners)],
            work=work([replace(FINE_JOB, name=f"job-{n}") for n in range(jobs)]),
        )
    )
    assert len(lines) <= 24
    assert lines[-1].startswith("queue:")
    assert sum(line.startswith("gamma-") for line in lines) >= min(miners, 5)


def test_what_does_not_fit_is_counted_by_its_state_and_the_troubled_stay() -> None:
    miners = [miner(n) for n in range(1, 60)] + [miner(99, **DARK)]
    said = "\n".join(fitted(snapshot(miners)))
    assert "gamma-99" in said
    left_out = 60 - said.count("gamma-")
    assert f"… and {left_out} more miners: {left_out} hashing" in said


def test_a_high_terminal_leaves_nothing_out() -> None:
    assert not any("more" in line for line in fitted(snapshot([miner(n) for n in range(30)]), height=60))


def test_without_a_screen_nothing_is_left_out() -> None:
    assert whole(snapshot([miner(n) for n in range(200)])).count("gamma-") == 200


def test_without_colour_there_is_no_escape_code_and_every_state_is_a_word() -> None:
    shown = snapshot(
        [miner(1, temperature_c=71.0), miner(2, **DARK), miner(3, hashrate_ghs=0.0)],
        work=work([FAILING_JOB, SLOW_JOB], waiting=60, beats={"collector": NOW}),
    )
    said = whole(shown, force_terminal=False)
    assert "\x1b" not in said
    for word in (
        "trouble",
        "hot, hash",
        "unreachable",
        "not hashing",
        "failing",
        "slow",
        "backlog",
        "worker never seen",
    ):
        assert word in said


def test_red_yellow_and_green_go_with_the_words() -> None:
    miners = [miner(1), miner(2, **DARK), miner(3, hashrate_ghs=0.0), miner(4, temperature_c=71.0)]
    said = whole(snapshot(miners), color_system="standard")
    assert f"{GREEN}hashing" in said
    assert f"{RED}unreachable" in said
    assert f"{YELLOW}not hashing" in said
    assert f"{RED}hot, hashing" in said
    assert f"{RED} 71" in said


def test_jobs_say_how_they_run_the_worst_first() -> None:
    said = whole(snapshot(work=work([SLOW_JOB, FINE_JOB, FAILING_JOB])), 120)
    names = [line.split()[0] for line in said.splitlines() if line.startswith(("run_", "fetch_", "backfill"))]
    assert names == ["run_daily", "fetch_prices", "run_hourly"]
    assert line_of(said, "run_daily") == "run_daily slow 5 min 100 % 0.02 s 9.00 s 24"
    assert (
        line_of(said, "fetch_prices") == "fetch_prices failing 0 s 80 % 0.10 s 0.20 s 10 Timeout: no answer"
    )


def test_the_first_fill_may_last_and_may_not_fail() -> None:
    fine = snapshot(work=work([FIRST_FILL, FINE_JOB]))
    assert fine.level == "good"
    assert line_of(whole(fine), "backfill") == "backfill fine 5 min 100 % 0.02 s 9.00 s 24"
    assert snapshot(work=work([replace(FIRST_FILL, succeeded=0)])).level == "bad"


def test_all_jobs_together_have_no_verdict_of_their_own() -> None:
    assert line_of(whole(snapshot()), "all in") == "all in 24 h 5 min 100 % 0.02 s 0.31 s 24"


def test_the_queue_says_its_depth_and_who_is_alive() -> None:
    beats = {"collector": NOW - timedelta(minutes=9), "web": NOW - timedelta(hours=3), "worker": NOW}
    said = whole(snapshot(work=work(waiting=3, beats=beats)), 120)
    assert (
        line_of(said, "queue:")
        == "queue: fine, 3 waiting, 1 at work · collector silent for 9 min · web silent for 3 h · worker alive"
    )


def test_prices_now_and_as_many_next_as_fit() -> None:
    said = whole(snapshot())
    assert (
        line_of(said, "Octopus")
        == "Octopus Agile: 18.4 p now, the lowest from now on · published until 23:00"
    )
    assert line_of(said, "next") == "next 12:30 19.40 13:00 20.40 13:30 21.40 14:00 22.40 14:30 23.40"
    assert line_of(whole(snapshot(), 160), "next").endswith("18:00 30.40")


def test_a_fetch_that_failed_and_a_site_without_tariff_are_said() -> None:
    assert "the last fetch of prices failed: no answer" in whole(
        snapshot(prices=[prices(fetch_error="no answer")])
    )
    assert "No site is on a tariff." in whole(snapshot(prices=[]))


def test_an_empty_house_says_how_to_begin() -> None:
    assert "manage.py add_miner" in whole(snapshot([]))


def test_what_devices_and_errors_say_cannot_steer_the_terminal() -> None:
    evil = "\x1b]0;owned\x07[bold]x[/bold]"
    shown = snapshot(
        [miner(name=evil, model=evil, **DARK | {"state_reason": evil})],
        work=work([replace(FAILING_JOB, name=evil, last_error=evil)]),
        prices=[prices(title=evil, fetch_error=evil)],
        notice=evil,
    )
    said = whole(shown, 200)
    assert "\x1b" not in said
    assert "\x07" not in said
    assert "[bold]x[/bold]" in said


def test_a_terminal_that_knows_no_blocks_gets_plain_characters() -> None:
    class Latin:
        encoding = "latin-1"
        text = ""

        def write(self, text: str) -> None:
            self.text += text

        def flush(self) -> None:
            pass

    file = Latin()
    Console(file=file, width=80, color_system=None).print(Screen(snapshot(), fits=False))
    assert "#######" in file.text
    assert "█" not in file.text


@pytest.mark.parametrize(
    ("differences", "level"),
    [
        ({}, "good"),
        ({"notice": "silent"}, "warn"),
        ({"work": work([SLOW_JOB])}, "bad"),
        ({"work": work([FAILING_JOB])}, "bad"),
        ({"work": work(waiting=26)}, "warn"),
        ({"work": work(waiting=51)}, "bad"),
        ({"work": work(beats={"worker": NOW})}, "bad"),
    ],
)
def test_the_whole_is_as_bad_as_its_worst_part(differences: dict[str, object], level: str) -> None:
    assert snapshot(**differences).level == level


@pytest.mark.parametrize("differences", [DARK, {"temperature_c": 65.1}])
def test_an_unreachable_or_hot_miner_makes_the_whole_red(differences: dict[str, object]) -> None:
    assert snapshot([miner(1), miner(2, **differences)]).level is Level.BAD


def test_a_miner_at_its_limit_is_not_hot() -> None:
    assert snapshot([miner(temperature_c=65.0)]).level is Level.GOOD


def test_it_draws_again_at_the_size_that_the_terminal_has_then() -> None:
    screen = Screen(snapshot([miner(n) for n in range(50)]), fits=True)
    assert len(drawn(screen, 80, 24).splitlines()) == 24
    assert len(drawn(screen, 120, 40).splitlines()) == 40
