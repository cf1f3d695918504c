"""Fetch what coins cost and what the network is, now."""

from typing import Any

from django.core.management.base import CommandParser
from django.utils import timezone

from hmm.lib.commands import HmmCommand, fail
from hmm.lib.http import HttpError
from pools.coin_fetch import fetch_coin_prices, fetch_network
from pools.coins import price_sources


class Command(HmmCommand):
    help = "Fetch the prices of BTC, BCH and DGB and Bitcoin's difficulty now, and store them."
    example = "manage.py fetch_coins --source coingecko"

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--source", metavar="NAME", help="ask this source of prices only, and not the network"
        )
        parser.add_argument("--base-url", metavar="URL", help="in the place of that source's usual address")

    def handle(self, *args: Any, source: str | None, base_url: str | None, **options: Any) -> None:
        if source is not None and source not in price_sources:
            fail(
                f"no source of coin prices is called {source!r}; there are: {', '.join(price_sources.names())}"
            )
        if base_url and source is None:
            fail("--base-url is the address of one source: name it with --source")
        now = timezone.now()
        fetched = fetch_coin_prices(now, source, base_url)
        for (coin, currency), (name, price) in sorted(fetched.prices.items()):
            self.stdout.write(f"{coin} {price:,.8g} {currency} ({name})")
        problems = list(fetched.errors)
        if source is None:
            try:
                self.stdout.write(f"network: {fetch_network(now)} new")
            except HttpError as error:
                problems.append(f"difficulty: {error.reason}")
        if problems:
            fail("; ".join(problems))
