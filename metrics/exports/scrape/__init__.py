"""What `GET /metrics` shows: how everything is at this moment, for Prometheus."""

from collections.abc import Iterator

from prometheus_client import CollectorRegistry
from prometheus_client.core import Metric
from prometheus_client.registry import Collector

from metrics.exports.scrape.house import house_families
from metrics.exports.scrape.miners import miner_families
from metrics.exports.scrape.read import Picture


class PictureCollector(Collector):
    """Gives the metric families of one picture."""

    def __init__(self, picture: Picture) -> None:
        self.picture = picture

    def collect(self) -> Iterator[Metric]:
        """Yield every family. No query."""
        yield from miner_families(self.picture.devices, self.picture.now)
        yield from house_families(self.picture)


def registry_of(picture: Picture) -> CollectorRegistry:
    """Return a registry that holds this picture alone: nothing is kept from one scrape to the next."""
    registry = CollectorRegistry()
    registry.register(PictureCollector(picture))
    return registry
