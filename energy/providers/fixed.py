"""One price at all hours, as the tariff states it."""

from datetime import UTC, datetime, timedelta

from energy.models import Tariff
from energy.points import Rate, is_possible
from energy.providers import providers
from energy.providers.base import ProviderError, Published


class FixedPrice:
    """`Tariff.fixed_pence_per_kwh`, known to the end of tomorrow (UTC).

    A changed price holds from the slot in which it is changed; what is past keeps the price it had.
    """

    name = "fixed"
    correction_window = timedelta(0)

    def problems(self, tariff: Tariff) -> dict[str, str]:
        """See PriceProvider."""
        price = tariff.fixed_pence_per_kwh
        if price is None:
            return {"fixed_pence_per_kwh": "The fixed provider needs a price."}
        if not is_possible(price):
            return {"fixed_pence_per_kwh": f"{price} is not a possible price per kWh."}
        return {}

    def published_until(self, now: datetime) -> datetime:
        """See PriceProvider."""
        return _midnight(now) + timedelta(days=2)

    ask_until = published_until

    def fetch(self, tariff: Tariff, start: datetime, end: datetime, base_url: str | None = None) -> Published:
        """See PriceProvider. Asks nobody, so `base_url` does not matter."""
        if problems := self.problems(tariff):
            raise ProviderError("; ".join(problems.values()))
        assert tariff.fixed_pence_per_kwh is not None
        return Published([Rate(start, None, tariff.fixed_pence_per_kwh)])


def _midnight(moment: datetime) -> datetime:
    return moment.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)


providers.register(FixedPrice.name, FixedPrice())
