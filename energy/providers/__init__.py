"""Where prices come from: one module of this folder for each price provider."""

from energy.providers.base import PriceProvider
from hmm.lib.registry import Registry

providers: Registry[PriceProvider] = Registry("price provider", "energy.providers")
"""Every price provider by name, the name that `Tariff.provider` holds."""
