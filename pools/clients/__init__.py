"""Where figures of pools come from: one module of this folder for each pool client."""

from hmm.lib.registry import Registry
from pools.clients.base import PoolClient

clients: Registry[PoolClient] = Registry("pool client", "pools.clients")
"""Every pool client by name, the name that `Pool.client` holds."""
