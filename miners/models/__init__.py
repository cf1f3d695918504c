"""Sites, miners, where and when they belong, what they say, what was kept aside, and how they are curtailed."""

from miners.models.miner import Miner, MinerModel, MinerSite, MinerState, StateChange, Tier
from miners.models.site import Site, SiteTariff
from miners.models.strategy import CurtailmentStrategy, StrategyKind, check_weights
from miners.models.telemetry import LatestReading, SetAside, Telemetry

__all__ = [
    "CurtailmentStrategy",
    "LatestReading",
    "Miner",
    "MinerModel",
    "MinerSite",
    "MinerState",
    "SetAside",
    "Site",
    "SiteTariff",
    "StateChange",
    "StrategyKind",
    "Telemetry",
    "Tier",
    "check_weights",
]
