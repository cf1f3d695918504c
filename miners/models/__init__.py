"""Sites, miners, where and when they belong, what they say, what was kept aside, who
polls them, what they were told, and how they are curtailed."""

from miners.models.command import Command, CommandKind, CommandStatus
from miners.models.lease import CollectorPresence, SiteLease
from miners.models.miner import Miner, MinerModel, MinerSite, MinerState, StateChange, Tier
from miners.models.site import Site, SiteTariff
from miners.models.strategy import CurtailmentStrategy, StrategyKind, check_weights
from miners.models.telemetry import (
    DroppedTelemetry,
    LatestReading,
    PackedTelemetry,
    SetAside,
    Telemetry,
)

__all__ = [
    "CollectorPresence",
    "Command",
    "CommandKind",
    "CommandStatus",
    "CurtailmentStrategy",
    "DroppedTelemetry",
    "LatestReading",
    "Miner",
    "MinerModel",
    "MinerSite",
    "MinerState",
    "PackedTelemetry",
    "SetAside",
    "Site",
    "SiteLease",
    "SiteTariff",
    "StateChange",
    "StrategyKind",
    "Telemetry",
    "Tier",
    "check_weights",
]
