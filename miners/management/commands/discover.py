"""`manage.py discover [NETWORK]`: which miners are on the network."""

import json
from collections.abc import Iterator
from contextlib import closing
from ipaddress import IPv4Network
from typing import Any

from django.core.management.base import CommandParser

from hmm.lib.commands import HmmCommand, argument, fail
from hmm.lib.units import counted, format_hashrate
from miners.discovery.adopt import adopt, follow, known_miners
from miners.discovery.anew import learn
from miners.discovery.known import Standing, Verdict, verdict
from miners.discovery.networks import hosts, own_network, parse_network, refusal
from miners.discovery.scan import Found, Step, scan
from miners.membership import MembershipRefused, site_numbered
from miners.models import Miner, Site


class Command(HmmCommand):
    help = (
        "Look for miners in a network, and tell of each as it is found. --add keeps new ones; one that is "
        "known by its MAC or serial and has another address now is followed there with --follow."
    )
    example = "manage.py discover 192.168.1.0/24 --add --follow"

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "network",
            nargs="?",
            metavar="NETWORK",
            type=argument(parse_network),
            help="such as 192.168.1.0/24 (default: the /24 that this machine is in)",
        )
        parser.add_argument(
            "--port",
            action="append",
            type=argument(_port),
            default=[],
            metavar="N",
            help="look on this port, too; may be given several times",
        )
        parser.add_argument("--add", action="store_true", help="add every new miner")
        parser.add_argument(
            "--follow", action="store_true", help="poll miners that moved at their new address"
        )
        parser.add_argument(
            "--learn",
            action="store_true",
            help="read known miners by a better driver where there is one for them now, as after make setup-farm",
        )
        parser.add_argument(
            "--site-id", type=int, default=1, metavar="N", help="where to add them (default 1)"
        )
        parser.add_argument("--public", action="store_true", help="the network need not be a private one")
        parser.add_argument("--yes", action="store_true", help="look through more than a /20 without asking")
        parser.add_argument("--json", action="store_true", help="print one JSON object a line")

    def handle(self, *args: Any, network: IPv4Network | None, **options: Any) -> None:
        network = network or own_network()
        if network is None:
            fail("this machine is on no network: name one, such as 192.168.1.0/24")
        if reason := refusal(network, public_too=options["public"], large_too=options["yes"]):
            fail(f"{reason}; insist with {'--yes' if 'addresses' in reason else '--public'}")
        site = self._site(options["site_id"]) if options["add"] else None
        self._show(scan(hosts(network), ports=options["port"]), site, options)

    def _site(self, site_id: int) -> Site:
        try:
            return site_numbered(site_id)
        except MembershipRefused as refused:
            fail(str(refused))

    def _show(self, steps: Iterator[Step], site: Site | None, options: dict[str, Any]) -> None:
        miners, found = known_miners(), 0
        with closing(steps):  # type: ignore[type-var]
            for step in steps:
                if step.note and not options["json"]:
                    self.stderr.write(step.note)
                if step.found is None:
                    continue
                found += 1
                self._tell(step.found, miners, site, options)
                miners = known_miners()
        if not options["json"]:
            self.stdout.write(f"{counted(found, 'miner')} in {counted(step.total, 'address', 'addresses')}")

    def _tell(self, found: Found, miners: list[Miner], site: Site | None, options: dict[str, Any]) -> None:
        judged = verdict(found, miners)
        done = self._keep(found, judged, site, follows=options["follow"])
        if options["learn"] and judged.standing is Standing.KNOWN:
            done = learn(next(miner for miner in miners if miner.name == judged.name), found.reading).words
        self.stdout.write(as_json(found, judged, done) if options["json"] else as_line(found, judged, done))
        self.stdout.flush()

    def _keep(self, found: Found, judged: Verdict, site: Site | None, *, follows: bool) -> str:
        try:
            if judged.standing is Standing.NEW and site is not None:
                return f"added as {adopt(found, site).name}"
            if judged.standing is Standing.MOVED and follows:
                return f"followed: {follow(judged.identity, found.address).name}"
        except MembershipRefused as refused:
            return f"not kept: {refused}"
        return ""


def as_line(found: Found, judged: Verdict, done: str) -> str:
    """Return one line for people."""
    reading = found.reading
    words = (reading.model or reading.driver, format_hashrate(reading.hashrate_ghs), reading.identity)
    told = ", ".join(word for word in words if word)
    said = "; ".join(word for word in (judged.words, done) if word)
    return f"{judged.standing.value:<15}{found.address!s:<22}{told}{f' ({said})' if said else ''}"


def as_json(found: Found, judged: Verdict, done: str) -> str:
    """Return one JSON object on one line."""
    reading = found.reading
    told = {
        "address": str(found.address),
        "driver": reading.driver,
        "model": reading.model,
        "identity": reading.identity,
        "hashrate_ghs": reading.hashrate_ghs,
        "power_w": reading.power_w,
        "standing": judged.standing.value,
        "miner": judged.name or None,
        "done": done or None,
    }
    return json.dumps(told, ensure_ascii=False)


def _port(text: str) -> int:
    if not (text.isascii() and text.isdigit() and 1 <= int(text[:6]) <= 65_535):
        raise ValueError(f"{text!r} is not a port from 1 to 65535")
    return int(text)
