"""manage.py fetch_prices."""

from argparse import ArgumentParser
from datetime import UTC, datetime, timedelta
from typing import Any

from django.utils import timezone

from energy.fetch import (
    FetchError,
    FetchResult,
    facts_of,
    fetch_tariff,
    history_days,
    provider_of,
    stretch_due,
)
from energy.models import Tariff
from energy.points import span
from energy.providers.base import ProviderError
from energy.tariffs import tariff_numbered
from hmm.installation import installation
from hmm.lib.command_ranges import add_range, range_ends
from hmm.lib.commands import HmmCommand, fail

LONGEST = timedelta(days=3660)


class Command(HmmCommand):
    help = (
        "Fetch the electricity prices of every active tariff, or of one: by default from where they end, with"
        " some days before that for corrections, up to all that is published. Fetching again is harmless."
    )
    example = "manage.py fetch_prices --tariff 1 --from 2025-03-01 --to 2025-03-31"

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--tariff", type=int, metavar="N", help="this tariff only, active or not")
        add_range(parser)
        parser.add_argument(
            "--base-url", metavar="URL", help="ask this address instead of the provider's own"
        )

    def handle(self, *args: Any, tariff: int | None, base_url: str | None, **options: Any) -> None:
        now = timezone.now()
        start, end = range_ends(options, installation().zone)
        tariffs = _tariffs(tariff)
        failures = [f for t in tariffs if (f := self._fetch(t, start, end, now, base_url))]
        if failures:
            fail("; ".join(failures))

    def _fetch(
        self,
        tariff: Tariff,
        start: datetime | None,
        end: datetime | None,
        now: datetime,
        base_url: str | None,
    ) -> str:
        """Fetch one tariff and print what came of it; return why it failed."""
        try:
            low, high = _stretch(tariff, start, end, now)
            result = fetch_tariff(tariff, low, high, now, base_url)
        except (FetchError, ProviderError) as error:
            return f"{tariff} (tariff {tariff.pk}): {error.reason}"
        self._say(tariff, result)
        return ""

    def _say(self, tariff: Tariff, result: FetchResult) -> None:
        stretch = span(result.start, result.end)
        self.stdout.write(f"{tariff} (tariff {tariff.pk}), {stretch}: {result.stored}")
        if result.charges_changed:
            self.stdout.write("  standing charges changed")
        if result.warning:
            self.stderr.write(f"fetch_prices: {tariff} (tariff {tariff.pk}): {result.warning}")


def _tariffs(number: int | None) -> list[Tariff]:
    if number is not None:
        return [tariff_numbered(number)]
    active = list(Tariff.objects.filter(active=True).order_by("pk"))
    if not active:
        fail("no tariff is active; activate one, or name one with --tariff")
    return active


def _stretch(
    tariff: Tariff, start: datetime | None, end: datetime | None, now: datetime
) -> tuple[datetime, datetime]:
    due = stretch_due(facts_of(tariff), provider_of(tariff), now, history_days())
    low, high = start or due[0], end or due[1]
    if low >= high:
        raise FetchError(_not_due(start, due))
    if high - low > LONGEST:
        fail(f"{span(low, high)} is longer than ten years; fetch it in parts")
    return low, high


def _not_due(start: datetime | None, due: tuple[datetime, datetime]) -> str:
    """Return why nothing is left to ask for, where the end that was not given is what is due."""
    first, last = (f"{moment.astimezone(UTC):%Y-%m-%dT%H:%MZ}" for moment in due)
    if start is None:
        return f"--to is not after {first}, where what is due begins; say with --from where to begin"
    return f"--from is not before {last}, where what is due ends; say with --to where to end"
