"""Miners and terms for rankings, and any of them for hypothesis."""

from dataclasses import replace
from typing import Any

from hypothesis import strategies as st

from miners.models import StrategyKind, Tier
from miners.strategies.ranking import Terms
from miners.strategies.scores import MinerFigures, Weights

STEADY = MinerFigures(
    miner_id=1,
    name="m-1",
    customer="",
    tier=Tier.STANDARD,
    power_w=1_000.0,
    hashrate_ghs=50_000.0,
    rated_hashrate_ghs=100_000.0,
    j_per_th=20.0,
    uptime=1.0,
)
PLAIN = Terms(StrategyKind.CUSTOM, Weights(0.5, 0.3, 0.2), vip_protection=False, minimum_uptime=0.0)


def miner(miner_id: int, **differences: Any) -> MinerFigures:
    """A miner that runs steadily, but for what the test says otherwise."""
    return STEADY._replace(miner_id=miner_id, **{"name": f"m-{miner_id}"} | differences)


def terms(kind: StrategyKind = StrategyKind.CUSTOM, **differences: Any) -> Terms:
    """Terms that protect nobody, but for what the test says otherwise."""
    return replace(PLAIN, kind=kind, **differences)


def maybe(low: float, high: float) -> st.SearchStrategy[float | None]:
    """A figure in that range, or none."""
    return st.none() | st.floats(low, high, allow_nan=False)


any_weights = st.tuples(st.integers(0, 100), st.integers(0, 100)).map(
    lambda pair: Weights(min(pair) / 100, abs(pair[0] - pair[1]) / 100, (100 - max(pair)) / 100)
)
any_terms = st.builds(Terms, st.sampled_from(StrategyKind), any_weights, st.booleans(), st.floats(0, 1))
any_figures = st.builds(
    MinerFigures,
    miner_id=st.just(0),
    name=st.just(""),
    customer=st.sampled_from(["", "Ann", "Bob", "Cy"]),
    tier=st.sampled_from(Tier),
    power_w=maybe(0, 5_000),
    hashrate_ghs=maybe(0, 200_000),
    rated_hashrate_ghs=maybe(0, 200_000),
    j_per_th=maybe(0, 100),
    uptime=maybe(0, 1),
)
any_miners = st.lists(any_figures, max_size=15).map(
    lambda found: [one._replace(miner_id=n, name=f"m-{n}") for n, one in enumerate(found, 1)]
)
any_target_w = st.floats(0, 50_000)
