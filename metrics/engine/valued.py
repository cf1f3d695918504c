"""The prices of electricity and of coins that a stretch of slots needs, all tariffs' in one query."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import connection

from energy.models import PriceSlot
from energy.prices import PricePoint
from hmm.installation import installation
from metrics.engine.farm import moment
from metrics.engine.segments import NO_TARIFF
from metrics.engine.slots import SlotWindow
from metrics.store.kept import KeptQuery
from pools.coin_history import DIFFICULTY_LASTS, PRICE_LASTS, VALUED_IN, CoinHistory
from pools.models import CoinPrice, NetworkState

# Prices never overlap, so that the one which runs into `start` is the last that began by then.
READ_VALUED = f"""
SELECT jsonb_build_object(
  'prices', (
    SELECT jsonb_agg(jsonb_build_array(price.tariff_id, price.start, price."end", price.pence_per_kwh) ORDER BY price.start)
    FROM unnest(%(tariffs)s::int[]) AS known (tariff_id)
    CROSS JOIN LATERAL (
      SELECT coalesce(max(before.start), %(start)s) AS start FROM {PriceSlot._meta.db_table} before
      WHERE before.tariff_id = known.tariff_id AND before.start <= %(start)s
    ) running
    JOIN {PriceSlot._meta.db_table} price ON price.tariff_id = known.tariff_id
     AND price.start >= running.start AND price.start < %(end)s AND price."end" > %(start)s),
  'network', (
    SELECT jsonb_agg(jsonb_build_array(timestamp, difficulty, subsidy) ORDER BY timestamp)
    FROM {NetworkState._meta.db_table}
    WHERE coin = '{VALUED_IN}' AND timestamp > %(difficulties_from)s AND timestamp < %(end)s),
  'coin_prices', (
    SELECT jsonb_agg(jsonb_build_array(timestamp, price) ORDER BY timestamp) FROM {CoinPrice._meta.db_table}
    WHERE coin = '{VALUED_IN}' AND currency = %(currency)s AND timestamp > %(prices_from)s AND timestamp < %(end)s)
)
"""

MOMENTS = ("start", "end", "difficulties_from", "prices_from")
TYPES = dict.fromkeys(MOMENTS, "timestamptz") | {"tariffs": "int[]", "currency": "text"}
VALUED = KeptQuery("valued", TYPES, (READ_VALUED,))
KEPT = (VALUED,)


@dataclass(frozen=True, slots=True)
class Valued:
    """The prices of each tariff, in order, and the coins' history."""

    prices: Mapping[int, Sequence[PricePoint]]
    coins: CoinHistory

    def prices_between(self, tariff_id: int, start: datetime, end: datetime) -> list[PricePoint]:
        """Return the tariff's prices that overlap [start, end), in order."""
        return [p for p in self.prices.get(tariff_id, ()) if p.start < end and p.end > start]

    def coins_between(self, start: datetime, end: datetime) -> CoinHistory:
        """Return the coins' history, that of the whole stretch."""
        return self.coins


def read_valued(window: SlotWindow) -> Valued:
    """Return what the slots of `window` need. One query."""
    params = {
        "start": window.start,
        "end": window.end,
        "difficulties_from": window.start - DIFFICULTY_LASTS,
        "prices_from": window.start - PRICE_LASTS,
        "tariffs": sorted({span.tariff_id for span in window.spans} - {NO_TARIFF}),
        "currency": installation().currency,
    }
    with connection.cursor() as cursor:
        return valued_of(json.loads(VALUED.call(cursor, params)))


def valued_of(raw: Mapping[str, Any]) -> Valued:
    """Return what 'prices', 'network' and 'coin_prices' of a JSON object say, for whoever reads more in the same query."""
    prices: dict[int, list[PricePoint]] = {}
    for tariff_id, start, end, pence in raw["prices"] or []:
        prices.setdefault(tariff_id, []).append(PricePoint(moment(start), moment(end), float(pence)))
    return Valued(prices, CoinHistory(_history(raw["network"]), _history(raw["coin_prices"])))


def _history(rows: Sequence[Sequence] | None) -> list[tuple]:
    return [(moment(at), *map(float, values)) for at, *values in rows or []]
