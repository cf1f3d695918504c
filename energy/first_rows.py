"""What a fresh database has of energy: tariff 1, so that `fetch_prices` works at once."""

from typing import Any

from energy.models import Tariff
from hmm.lib.sequences import bring_sequence_along


def ensure_first_rows(**kwargs: Any) -> None:
    """Create tariff 1, Octopus Agile of region C, on a database without tariffs. Runs after each migrate."""
    using = kwargs["using"]
    if Tariff.objects.using(using).exists():
        return
    Tariff.objects.using(using).create(
        pk=1, name="Octopus Agile", provider="octopus_agile", product="AGILE-24-10-01", region="C"
    )
    bring_sequence_along(Tariff, using)
