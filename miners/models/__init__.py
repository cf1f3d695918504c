"""Sites, miners, where and when they belong, what they say, and what was kept aside."""

from miners.models.miner import Miner, MinerModel, MinerSite, MinerState, StateChange
from miners.models.site import Site, SiteTariff
from miners.models.telemetry import LatestReading, SetAside, Telemetry

__all__ = [
    "LatestReading",
    "Miner",
    "MinerModel",
    "MinerSite",
    "MinerState",
    "SetAside",
    "Site",
    "SiteTariff",
    "StateChange",
    "Telemetry",
]
