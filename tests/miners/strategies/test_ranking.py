"""The ranking: who is cut for a target, who is spared, and what the weights, tiers and shares do."""

import random
from collections import defaultdict

import pytest
from hypothesis import given
from hypothesis import strategies as st

from miners.models import StrategyKind, Tier
from miners.strategies.ranking import Ranking, Terms, Verdict, rank
from miners.strategies.scores import MinerFigures, Weights, best_j_per_th, score_of, total_of
from tests.miners.strategies.made_up import any_miners, any_target_w, any_terms, any_weights, miner, terms

KINDS = list(StrategyKind)


def chosen(ranking: Ranking) -> list[int]:
    """The ids of those that are cut, in their order."""
    return [line.miner.miner_id for line in ranking.chosen]


def order(ranking: Ranking) -> list[int]:
    """The ids of those that may be cut, in their order."""
    return [line.miner.miner_id for line in ranking.lines if line.rank is not None]


def verdicts(ranking: Ranking) -> dict[int, Verdict]:
    return {line.miner.miner_id: line.verdict for line in ranking.lines}


def test_a_score_is_the_weighted_sum_of_its_parts_out_of_100() -> None:
    best, other = miner(1, j_per_th=15.0), miner(2, hashrate_ghs=80_000.0, j_per_th=20.0, uptime=0.9)
    ranking = rank([best, other], terms(weights=Weights(0.7, 0.2, 0.1)), 0)
    score = next(line.score for line in ranking.lines if line.miner is other)
    assert (score.performance.value, score.efficiency.value, score.uptime.value) == (0.8, 0.75, 0.9)
    assert score.performance.points == pytest.approx(56)
    assert score.efficiency.points == pytest.approx(15)
    assert score.uptime.points == pytest.approx(9)
    assert score.total == pytest.approx(80)


def test_more_than_rated_counts_as_the_whole() -> None:
    score = score_of(miner(1, hashrate_ghs=120_000.0, uptime=1.02), Weights(0.5, 0.0, 0.5), None)
    assert score.total == 100


def test_a_part_that_is_not_known_is_left_out_and_the_others_count_for_it() -> None:
    unrated = miner(1, rated_hashrate_ghs=None, j_per_th=20.0, uptime=0.5)
    score = score_of(unrated, Weights(0.7, 0.2, 0.1), best_j_per_th([unrated]))
    assert (score.performance.value, score.performance.points) == (None, None)
    assert score.total == pytest.approx(100 * (0.2 * 1 + 0.1 * 0.5) / 0.3)


def test_a_miner_of_which_nothing_is_known_but_its_power_comes_last() -> None:
    dark = miner(1, hashrate_ghs=None, j_per_th=None, uptime=None)
    ranking = rank([dark, miner(2)], terms(), 0)
    assert order(ranking) == [2, 1]
    assert ranking.lines[1].score.total is None
    assert "nothing is known to judge it by" in ranking.lines[1].reason


def test_the_lowest_scores_are_cut_until_the_target_is_met() -> None:
    miners = [miner(n, hashrate_ghs=10_000.0 * n) for n in (3, 1, 4, 2)]
    ranking = rank(miners, terms(), 1_500)
    assert order(ranking) == [1, 2, 3, 4]
    assert chosen(ranking) == [1, 2]
    assert (ranking.saved_w, ranking.short_w) == (2_000, 0)
    assert (ranking.drawing_w, ranking.can_save_w) == (4_000, 4_000)
    assert [line.reason for line in ranking.lines[2:]] == ["the target is met without it"] * 2


def test_what_is_missing_to_the_target_is_said() -> None:
    ranking = rank([miner(1), miner(2)], terms(), 5_000)
    assert chosen(ranking) == [1, 2]
    assert ranking.short_w == 3_000


def test_without_a_target_there_is_only_the_order() -> None:
    ranking = rank([miner(1), miner(2, hashrate_ghs=1.0)], terms(), 0)
    assert (order(ranking), chosen(ranking), ranking.saved_w) == ([2, 1], [], 0)


@pytest.mark.parametrize("target_w", [-1.0, float("nan"), float("inf")])
def test_a_target_that_is_none_is_refused(target_w: float) -> None:
    with pytest.raises(ValueError, match="target must be a number of watts"):
        rank([], terms(), target_w)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("power_w", [None, 0.0, -3.0])
def test_only_what_really_draws_power_counts(kind: StrategyKind, power_w: float | None) -> None:
    worst = miner(1, power_w=power_w, hashrate_ghs=0.0, uptime=0.0)
    ranking = rank([worst, miner(2)], terms(kind), 1_000)
    assert verdicts(ranking) == {1: Verdict.NOT_DRAWING, 2: Verdict.CUT}
    assert (ranking.saved_w, ranking.drawing_w) == (1_000, 1_000)


def test_a_miner_that_draws_nothing_is_no_measure_of_efficiency() -> None:
    ranking = rank([miner(1, power_w=None, j_per_th=1.0), miner(2, j_per_th=20.0)], terms(), 0)
    assert ranking.lines[0].score.efficiency.value == 1


@pytest.mark.parametrize("kind", KINDS)
def test_protected_vips_are_never_cut_even_when_the_target_is_missed(kind: StrategyKind) -> None:
    miners = [miner(1, tier=Tier.VIP, hashrate_ghs=1.0), miner(2)]
    ranking = rank(miners, terms(kind, vip_protection=True), 2_000)
    assert verdicts(ranking) == {1: Verdict.PROTECTED, 2: Verdict.CUT}
    assert ranking.short_w == 1_000
    assert "VIP" in ranking.lines[1].reason


@pytest.mark.parametrize("kind", KINDS)
def test_without_protection_a_vip_can_be_cut(kind: StrategyKind) -> None:
    assert chosen(rank([miner(1, tier=Tier.VIP), miner(2)], terms(kind), 2_000)) in ([1, 2], [2, 1])


def test_with_customer_priority_tiers_come_before_scores() -> None:
    miners = [
        miner(1, tier=Tier.VIP, hashrate_ghs=1.0),
        miner(2, tier=Tier.PREMIUM, hashrate_ghs=2.0),
        miner(3),
        miner(4, hashrate_ghs=40_000.0),
    ]
    assert order(rank(miners, terms(StrategyKind.CUSTOMER_PRIORITY), 0)) == [4, 3, 2, 1]
    assert order(rank(miners, terms(StrategyKind.PERFORMANCE_PRIORITY), 0)) == [1, 2, 4, 3]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("uptime", "verdict"),
    [(0.7999, Verdict.PROTECTED), (0.8, Verdict.CUT), (None, Verdict.PROTECTED)],
)
def test_a_miner_below_the_minimum_uptime_is_not_cut_further(
    kind: StrategyKind, uptime: float | None, verdict: Verdict
) -> None:
    ranking = rank([miner(1, uptime=uptime)], terms(kind, minimum_uptime=0.8), 1_000)
    assert verdicts(ranking) == {1: verdict}


def test_why_a_miner_is_kept_is_said_with_its_figure() -> None:
    (line,) = rank([miner(1, uptime=0.612)], terms(minimum_uptime=0.85), 1_000).lines
    assert line.reason == "up 61.2 % of the last 24 h, and this strategy keeps 85 %"


def test_of_equal_scores_the_one_that_draws_most_is_cut_first_then_the_lower_id() -> None:
    miners = [miner(3), miner(2), miner(1, power_w=900.0)]
    assert order(rank(miners, terms(), 0)) == [2, 3, 1]


def test_fair_takes_of_each_customer_by_its_share_of_the_watts() -> None:
    miners = [miner(n, customer="Ann") for n in range(1, 7)]
    miners += [miner(n, customer="Bob") for n in range(7, 10)]
    miners += [miner(10, customer="")]
    fair = terms(StrategyKind.FAIR_DISTRIBUTION)
    assert given_by(rank(miners, fair, 1_000)) == {"Ann": 1_000}
    assert given_by(rank(miners, fair, 5_000)) == {"Ann": 3_000, "Bob": 1_000, "": 1_000}
    assert given_by(rank(miners, fair, 6_000)) == {"Ann": 3_000, "Bob": 2_000, "": 1_000}
    assert given_by(rank(miners, fair, 10_000)) == {"Ann": 6_000, "Bob": 3_000, "": 1_000}


def test_fair_does_not_spare_whoever_comes_last() -> None:
    miners = [miner(3 * n + k, customer=name) for n, name in enumerate("ABC") for k in (1, 2, 3)]
    ranking = rank(miners, terms(StrategyKind.FAIR_DISTRIBUTION), 3_000)
    assert given_by(ranking) == {"A": 1_000, "B": 1_000, "C": 1_000}


def test_fair_cuts_the_lowest_score_of_each_customer() -> None:
    miners = [miner(1, customer="A"), miner(2, customer="A", hashrate_ghs=1.0), miner(3, customer="B")]
    assert chosen(rank(miners, terms(StrategyKind.FAIR_DISTRIBUTION), 1_500)) == [2, 3]


def given_by(ranking: Ranking) -> dict[str, float]:
    """Watts cut of each customer that is cut."""
    found: dict[str, float] = defaultdict(float)
    for line in ranking.chosen:
        found[line.miner.customer] += line.miner.power_w or 0
    return dict(found)


@given(any_miners, any_weights, st.booleans(), st.floats(0, 1))
def test_fair_leaves_nobody_further_from_its_share_than_one_miner(
    miners: list[MinerFigures], weights: Weights, vip: bool, portion: float
) -> None:
    asked = Terms(StrategyKind.FAIR_DISTRIBUTION, weights, vip, 0.0)
    free = [line.miner for line in rank(miners, asked, 0).lines if line.rank is not None]
    can_save_w = sum(one.power_w or 0 for one in free)
    target_w = portion * can_save_w
    found = given_by(rank(miners, asked, target_w))
    largest_w = max((one.power_w or 0 for one in free), default=0)
    for customer in {one.customer for one in free}:
        own_w = sum(one.power_w or 0 for one in free if one.customer == customer)
        share_w = target_w * (own_w / can_save_w)
        assert abs(found.get(customer, 0) - share_w) <= largest_w * (1 + 1e-9)


@given(any_miners, any_terms, any_target_w)
def test_a_ranking_holds_each_miner_once_meets_the_target_or_cuts_all_it_may(
    miners: list[MinerFigures], asked: Terms, target_w: float
) -> None:
    ranking = rank(miners, asked, target_w)
    assert sorted(line.miner.miner_id for line in ranking.lines) == [one.miner_id for one in miners]
    ranks = [line.rank for line in ranking.lines if line.rank is not None]
    assert ranks == list(range(1, len(ranks) + 1))
    assert len(chosen(ranking)) == len(order(ranking)) or ranking.saved_w >= target_w
    assert ranking.saved_w == pytest.approx(sum(line.miner.power_w or 0 for line in ranking.chosen))
    assert ranking.saved_w <= ranking.can_save_w + 1e-6 <= ranking.drawing_w + 2e-6


@given(any_miners, any_terms, any_target_w)
def test_nobody_is_cut_that_is_protected_or_draws_nothing(
    miners: list[MinerFigures], asked: Terms, target_w: float
) -> None:
    for line in rank(miners, asked, target_w).chosen:
        assert line.miner.power_w is not None
        assert line.miner.power_w > 0
        assert not (asked.vip_protection and line.miner.tier == Tier.VIP)
        assert not asked.minimum_uptime or (line.miner.uptime or 0) >= asked.minimum_uptime


@given(any_miners, any_terms, any_target_w)
def test_one_miner_less_would_miss_the_target(
    miners: list[MinerFigures], asked: Terms, target_w: float
) -> None:
    cut = rank(miners, asked, target_w).chosen
    assert sum(line.miner.power_w or 0 for line in cut[:-1]) < target_w or not cut


@given(any_miners, any_terms, any_target_w, st.randoms(use_true_random=False))
def test_the_order_in_which_miners_come_in_does_not_matter(
    miners: list[MinerFigures], asked: Terms, target_w: float, chance: random.Random
) -> None:
    shuffled = list(miners)
    chance.shuffle(shuffled)
    found, again = rank(miners, asked, target_w), rank(shuffled, asked, target_w)
    assert again == found
    assert [line.reason for line in again.lines] == [line.reason for line in found.lines]


@given(any_miners, any_weights)
def test_the_total_that_orders_is_that_of_the_parts(miners: list[MinerFigures], weights: Weights) -> None:
    best = best_j_per_th(miners)
    for one in miners:
        score = score_of(one, weights, best)
        points = [part.points for part in (score.performance, score.efficiency, score.uptime)]
        known = [each for each in points if each is not None]
        assert total_of(one, weights, best) == score.total
        parts = [
            part for part in (score.performance, score.efficiency, score.uptime) if part.value is not None
        ]
        known_weight = sum(part.weight for part in parts)
        for part in parts if known_weight > 0 else []:
            assert part.points == pytest.approx(100 * part.value * part.weight / known_weight)
        assert score.total == (pytest.approx(sum(known), abs=1e-8) if known else None)


BETTER, WORSE = st.floats(0.55, 1), st.floats(0.05, 0.45)
WHOLE_WEIGHT = {"performance": Weights(1, 0, 0), "efficiency": Weights(0, 1, 0), "uptime": Weights(0, 0, 1)}
PAIRS = [("performance", "efficiency"), ("performance", "uptime"), ("efficiency", "uptime")]


def with_parts(miner_id: int, parts: dict[str, float]) -> MinerFigures:
    """A miner whose score has these parts beside one of 10 J/TH."""
    return miner(
        miner_id,
        rated_hashrate_ghs=100_000.0,
        hashrate_ghs=100_000.0 * parts["performance"],
        j_per_th=10.0 / parts["efficiency"],
        uptime=parts["uptime"],
    )


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("one", "other"), PAIRS)
@given(BETTER, WORSE, BETTER, WORSE)
def test_weights_change_the_order(
    kind: StrategyKind, one: str, other: str, high: float, low: float, high_too: float, low_too: float
) -> None:
    first = with_parts(1, {"performance": 0.5, "efficiency": 0.5, "uptime": 0.5, one: high, other: low_too})
    second = with_parts(2, {"performance": 0.5, "efficiency": 0.5, "uptime": 0.5, one: low, other: high_too})
    by_one = order(rank([first, second], terms(kind, weights=WHOLE_WEIGHT[one]), 0))
    by_other = order(rank([first, second], terms(kind, weights=WHOLE_WEIGHT[other]), 0))
    assert (by_one, by_other) == ([2, 1], [1, 2])
    assert chosen(rank([first, second], terms(kind, weights=WHOLE_WEIGHT[one]), 1)) == [2]
    assert chosen(rank([first, second], terms(kind, weights=WHOLE_WEIGHT[other]), 1)) == [1]
