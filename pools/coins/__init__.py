"""What coins cost: one module of this folder for each price source."""

from hmm.lib.registry import Registry
from pools.coins.base import PriceSource

price_sources: Registry[PriceSource] = Registry("coin price source", "pools.coins")
"""Every source of coin prices by name."""
