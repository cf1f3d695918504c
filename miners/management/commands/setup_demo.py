"""`manage.py setup_demo`: the simulated fleet as miners, a year of prices and a month of history."""

import sys
import time
from argparse import ArgumentParser
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from django.core.management import CommandError, call_command
from django.utils import timezone
from django_q.tasks import async_task
from rich.console import Console
from rich.progress import track

from energy.models import PriceSlot
from hmm.installation import installation
from hmm.lib.commands import HmmCommand, fail
from miners.demo.devices import ManifestRefused, add_devices, read_manifest
from miners.demo.past import specs_of, store_past, without_past
from miners.membership import MembershipRefused, site_numbered
from miners.models import Miner
from miners.strategies.seeds import SeedingRefused, seed_strategies
from pools.models import CoinPrice
from pools.simulator.demo import add_simulated_pools

PRICES_SINCE = timedelta(days=365)
PATIENCE_S = 30
"""How long the price service may take to begin to listen."""


class Command(HmmCommand):
    help = (
        "Make the devices of a simulated fleet, as its manifest lists them, ordinary miners of site 1, with "
        "history and a year of prices. Running it again adds only what is missing."
    )
    example = "manage.py setup_demo --manifest var/simulated_fleet.json"

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--manifest", type=Path, required=True, metavar="FILE")
        parser.add_argument(
            "--outside", metavar="URL", help="where simulate_outside serves pools and coin prices"
        )
        parser.add_argument("--days", type=int, default=30, help="days of history (default 30)")
        parser.add_argument(
            "--cadence-s", type=int, default=300, help="seconds between its rows (default 300)"
        )
        parser.add_argument("--seed", type=int, default=1, help="that of the fleet (default 1)")

    def handle(self, *args: Any, **options: Any) -> None:
        if not 0 <= options["days"] <= 365 or not 1 <= options["cadence_s"] <= 86400:
            fail("--days is from 0 to 365, --cadence-s from 1 to 86400")
        now = timezone.now()
        try:
            miners = add_devices(read_manifest(options["manifest"]), site_numbered(1))
        except (ManifestRefused, MembershipRefused) as refused:
            fail(str(refused))
        rows = self._store_pasts(miners, now, options)
        self._fetch_prices(now)
        self._seed_strategies()
        if options["outside"]:
            self._add_outside(options["outside"], now - timedelta(days=options["days"]))
        if rows:
            async_task("metrics.tasks.backfill")
        self.stdout.write(f"{len(miners)} simulated miners, {rows} rows of history added")

    def _store_pasts(self, miners: list[Miner], now: datetime, options: dict[str, Any]) -> int:
        specs = specs_of({miner.name for miner in miners})
        wanted = [miner for miner in without_past(miners) if miner.name in specs]
        how = {name: options[name] for name in ("seed", "days", "cadence_s")}
        progress = track(
            wanted, "history", console=Console(stderr=True), transient=True, disable=not sys.stderr.isatty()
        )
        return sum(store_past(miner, specs[miner.name], now=now, **how) for miner in progress)

    def _seed_strategies(self) -> None:
        try:
            seed_strategies(site_numbered(1), force=False)
        except SeedingRefused as refused:  # somebody tries the demo with strategies of their own
            self.stderr.write(str(refused))

    def _add_outside(self, url: str, start: datetime) -> None:
        add_simulated_pools(url)
        if CoinPrice.objects.filter(timestamp__lt=start + timedelta(days=1)).exists():
            return
        wanted = {"start": start.isoformat(), "coin": "BTC", "currency": installation().currency}
        try:
            call_command("fetch_coins", **wanted, stdout=self.stdout, stderr=self.stderr)
        except CommandError as error:  # earnings of that time are then unknown; all else is there
            self.stderr.write(f"the past of coin prices is not there: {error}")

    def _fetch_prices(self, now: datetime) -> None:
        start = now - PRICES_SINCE
        if PriceSlot.objects.filter(start__lt=start + timedelta(days=1)).exists():
            return
        until = time.monotonic() + PATIENCE_S
        while True:
            try:
                call_command("fetch_prices", start=start.isoformat(), stdout=self.stdout, stderr=self.stderr)
                return
            except CommandError as error:
                if time.monotonic() > until:
                    fail(f"the miners are set up, their prices are not: {error}")
                time.sleep(1)
