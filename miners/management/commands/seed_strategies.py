"""`manage.py seed_strategies`: the four strategies that a site starts with."""

from collections.abc import Sequence
from typing import Any

from django.core.management.base import CommandError, CommandParser

from hmm.lib.commands import HmmCommand, fail
from miners.membership import MembershipRefused, site_numbered
from miners.models import Site
from miners.strategies.seeds import (
    SEEDS,
    Outcome,
    Seeded,
    SeedingRefused,
    seed_strategies,
    verify_strategies,
)


class Command(HmmCommand):
    help = (
        "Make the four strategies of curtailment that a site starts with. What is there already is left as it is; "
        "strategies of your own are never touched. --verify-only changes nothing and exits 1 where one of the four "
        "is missing or not as it was seeded."
    )
    example = "manage.py seed_strategies --site-id 1"

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--site-id", type=int, default=1, metavar="N", help="for which site (default 1)")
        how = parser.add_mutually_exclusive_group()
        how.add_argument(
            "--force", action="store_true", help="put the seeded four back to what they were, edits included"
        )
        how.add_argument("--verify-only", action="store_true", help="change nothing, check the four")

    def handle(self, *args: Any, force: bool, verify_only: bool, **options: Any) -> None:
        try:
            site = site_numbered(options["site_id"])
            self.stdout.write(f"site {site.pk}, {site.name}")
            if verify_only:
                self._verify(site)
            else:
                self._seed(site, force)
        except (MembershipRefused, SeedingRefused) as refused:
            fail(str(refused))

    def _seed(self, site: Site, force: bool) -> None:
        found = seed_strategies(site, force=force)
        for one in found:
            self.stdout.write(f"  {_line(one, str(one.outcome))}")
        counts = {outcome: sum(one.outcome is outcome for one in found) for outcome in Outcome}
        self.stdout.write(", ".join(f"{count} {outcome}" for outcome, count in counts.items() if count))
        if counts[Outcome.KEPT]:
            self.stdout.write("--force puts back what was edited")
        self._name_other_sites(site)

    def _verify(self, site: Site) -> None:
        found = verify_strategies(site)
        for one in found:
            self.stdout.write(f"  {_line(one, 'wrong' if one.differences else 'ok')}")
        right = sum(not one.differences for one in found)
        if right < len(SEEDS):
            raise CommandError(
                f"{right} of {len(SEEDS)} at site {site.pk}: {_complaints(found)}", returncode=1
            )
        self.stdout.write(f"{right} of {len(SEEDS)}")

    def _name_other_sites(self, site: Site) -> None:
        without = Site.objects.exclude(pk=site.pk).filter(strategies=None).order_by("pk")
        if names := ", ".join(f"{pk} ({name})" for pk, name in without.values_list("pk", "name")):
            self.stdout.write(f"sites without strategies: {names}; name one with --site-id")


def _line(one: Seeded, outcome: str) -> str:
    strategy = one.strategy
    if strategy is None:
        return f"{'missing':14} {one.seed.name}"
    performance, efficiency, uptime = strategy.weights
    words = (
        f"{outcome:14} {strategy.name}: {strategy.kind}, performance {performance}, efficiency {efficiency}, "
        f"uptime {uptime}, minimum uptime {strategy.minimum_uptime}"
    )
    words += ", VIP protection" if strategy.vip_protection else ""
    words += "" if strategy.active else ", not active"
    return f"{words} ({'; '.join(one.differences)})" if one.differences else words


def _complaints(found: Sequence[Seeded]) -> str:
    return "; ".join(
        f"{one.strategy.name if one.strategy else one.seed.name} {' and '.join(one.differences)}"
        for one in found
        if one.differences
    )
