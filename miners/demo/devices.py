"""The devices of a simulated fleet, added as miners."""

import json
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from typing import Any

from django.db import transaction

from miners.membership import MembershipRefused, add_miner
from miners.models import Miner, Site


class ManifestRefused(ValueError):
    """A manifest that is none, and why."""


@dataclass(frozen=True, slots=True)
class Listed:
    """A device as the manifest lists it."""

    name: str
    driver: str
    host: str
    port: int


def read_manifest(path: Path) -> list[Listed]:
    """Return the devices listed in the manifest at `path`. Raises ManifestRefused."""
    try:
        return [_listed(device) for device in json.loads(path.read_text())]
    except OSError as error:
        raise ManifestRefused(f"cannot read {path}: {error.strerror}") from error
    except (ValueError, KeyError, TypeError) as error:
        raise ManifestRefused(f"{path} is no manifest of a simulated fleet: {error!r}") from error


def add_devices(listed: list[Listed], site: Site) -> list[Miner]:
    """Make each listed device a miner at `site` and return them; those that are there get its address.

    Raises MembershipRefused, with nothing changed, where the user's own miner has the name of one.
    """
    with transaction.atomic():
        there = {miner.name: miner for miner in Miner.objects.filter(name__in=[d.name for d in listed])}
        for device in listed:
            if device.name in there:
                _find_again(there[device.name], device)
        return [there.get(device.name) or _add(device, site) for device in listed]


def _add(device: Listed, site: Site) -> Miner:
    return add_miner(device.name, device.host, device.port, device.driver, site=site)


def _find_again(miner: Miner, device: Listed) -> None:
    # A fleet started anew may listen on other ports of this machine.
    if not _is_loopback(miner.host):
        raise MembershipRefused(f"a miner of your own at {miner.host} is called {miner.name}")
    if (miner.host, miner.port) != (device.host, device.port):
        miner.host, miner.port = device.host, device.port
        miner.save(update_fields=["host", "port"])


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _listed(device: dict[str, Any]) -> Listed:
    return Listed(str(device["name"]), str(device["driver"]), str(device["host"]), int(device["port"]))
