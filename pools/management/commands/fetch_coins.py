"""Fetch what coins cost and what the network is, now or in the past."""

from datetime import datetime, timedelta
from typing import Any

from django.core.management.base import CommandParser
from django.utils import timezone

from hmm.installation import installation
from hmm.lib.command_ranges import add_range, given_range
from hmm.lib.commands import HmmCommand, fail
from hmm.lib.http import HttpError
from pools.coin_fetch import fetch_coin_prices, fetch_network
from pools.coin_past import EVERY_PAIR, PastFetched, fetch_past_network, fetch_past_prices
from pools.coins import price_sources
from pools.coins.base import COINS, CURRENCIES

LONGEST = timedelta(days=3660)


class Command(HmmCommand):
    help = (
        "Fetch the prices of BTC, BCH and DGB and Bitcoin's difficulty now, and store them; with --from (and --to) those of the"
        " past, a price an hour, where none are known. Earnings of that time are then computed anew by the next run."
    )
    example = "manage.py fetch_coins --from 2025-03-01 --to 2025-03-31"

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--source", metavar="NAME", help="ask this source of prices only, and not the network"
        )
        parser.add_argument("--base-url", metavar="URL", help="in the place of that source's usual address")
        parser.add_argument("--coin", choices=COINS, help="of the past: of this coin only")
        parser.add_argument("--currency", choices=CURRENCIES, help="of the past: in this currency only")
        add_range(parser)

    def handle(self, *args: Any, source: str | None, base_url: str | None, **options: Any) -> None:
        if source is not None and source not in price_sources:
            fail(
                f"no source of coin prices is called {source!r}; there are: {', '.join(price_sources.names())}"
            )
        if base_url and source is None:
            fail("--base-url is the address of one source: name it with --source")
        now = timezone.now()
        is_past = options["start"] is not None or options["end"] is not None
        problems = self._past(now, source, base_url, options) if is_past else self._now(now, source, base_url)
        if problems:
            fail("; ".join(dict.fromkeys(problems)))

    def _now(self, now: datetime, source: str | None, base_url: str | None) -> list[str]:
        fetched = fetch_coin_prices(now, source, base_url)
        for (coin, currency), (name, price) in sorted(fetched.prices.items()):
            self.stdout.write(f"{coin} {price:,.8g} {currency} ({name})")
        problems = list(fetched.errors)
        if source is None:
            try:
                self.stdout.write(f"network: {fetch_network(now)} new")
            except HttpError as error:
                problems.append(f"difficulty: {error.reason}")
        return problems

    def _past(
        self, now: datetime, source: str | None, base_url: str | None, options: dict[str, Any]
    ) -> list[str]:
        start, end = _stretch(options, now)
        problems: list[str] = []
        if source is not None and not price_sources[source].past_days:
            fail(f"{source} tells only what coins cost now")
        if source is None:
            try:
                self.stdout.write(f"difficulty: {fetch_past_network(start, end, now)} new")
            except HttpError as error:
                problems.append(f"difficulty: {error.reason}")
        pairs = [
            pair
            for pair in EVERY_PAIR
            if options["coin"] in (None, pair[0]) and options["currency"] in (None, pair[1])
        ]
        for fetched in fetch_past_prices(start, end, source, base_url, pairs):
            self.stdout.write(_line(fetched))
            problems += [] if fetched.told else fetched.errors
        return problems


def _stretch(options: dict[str, Any], now: datetime) -> tuple[datetime, datetime]:
    if options["start"] is None:
        fail("say from when, with --from")
    start, end = given_range(options, installation().zone, first=now, last=now)
    if end - start > LONGEST:
        fail("the range is longer than ten years; fetch it in parts")
    if start >= now:
        fail("the range begins in the future")
    return start, min(end, now)


def _line(fetched: PastFetched) -> str:
    coin, currency = fetched.pair
    stretch = f"{coin} in {currency}, {fetched.start:%Y-%m-%d} to {fetched.end:%Y-%m-%d}"
    if not fetched.told:
        return f"{stretch}: nothing ({'; '.join(fetched.errors)})"
    return f"{stretch}: {fetched.told} prices, {fetched.stored} new ({fetched.source})"
