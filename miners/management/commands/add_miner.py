"""`manage.py add_miner ADDRESS`: a miner of your own, asked first whether it is there."""

import time
from typing import Any

from django.core.management.base import CommandParser

from hmm.lib.commands import HmmCommand, argument, fail
from hmm.lib.units import format_hashrate
from miners.discovery.adopt import add_read
from miners.drivers import Address, DriverError, Reading, detect, drivers
from miners.drivers.base import parse_address
from miners.membership import MembershipRefused, add_miner, site_numbered
from miners.models import Miner, Site

TIMEOUT_S = 5.0


class Command(HmmCommand):
    help = (
        "Add a miner. It is read once, so that a wrong address is noticed now; with --no-probe it is not, and "
        "the collector finds out what it is."
    )
    example = "manage.py add_miner 192.168.1.20 --name garage"

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "address",
            metavar="ADDRESS[:PORT]",
            type=argument(parse_address),
            help="host name or IP address, IPv6 in brackets",
        )
        parser.add_argument("--name", default="", help="what to call it (default: its address)")
        parser.add_argument("--site-id", type=int, default=1, metavar="N", help="where it is (default 1)")
        parser.add_argument("--driver", default="", metavar="NAME", help="ask in this protocol only")
        parser.add_argument("--no-probe", action="store_true", help="add it without asking it")

    def handle(self, *args: Any, address: Address, name: str, driver: str, **options: Any) -> None:
        if driver and driver not in drivers:
            fail(f"no driver is called {driver!r}; there are: {', '.join(drivers.names())}")
        try:
            site = site_numbered(options["site_id"])
            reading = None if options["no_probe"] else _probe(address, driver)
            miner = _add(name or str(address), address, driver, site, reading)
        except MembershipRefused as refused:
            fail(str(refused))
        self.stdout.write(f"added {miner.name} at {address} to {site}{_says(reading)}")


def _probe(address: Address, driver: str) -> Reading:
    try:
        if driver:
            return drivers[driver].read(address, time.monotonic() + TIMEOUT_S)
        return detect(address, TIMEOUT_S)
    except DriverError as error:
        fail(f"{address}: {error.reason}. Nothing was added; --no-probe adds it all the same")


def _add(name: str, address: Address, driver: str, site: Site, reading: Reading | None) -> Miner:
    if reading is None:
        return add_miner(name, address.host, address.port, driver, site=site)
    return add_read(name, address, reading, site)


def _says(reading: Reading | None) -> str:
    if reading is None:
        return ""
    hashrate = format_hashrate(reading.hashrate_ghs)
    return f": {reading.model or reading.driver}, {hashrate}"
