"""What a slot's hashes were worth, slot by slot, for the query of slots."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from pools.coin_history import CoinHistory

History = Callable[[datetime, datetime], CoinHistory]
"""Gives the coins' history that work in [start, end) needs."""

WORTH = """
unnest(%(worth_n)s::int[], %(worth_btc)s::float8[], %(worth_pence)s::float8[])
    AS worth(worth_n, btc_per_gh, pence_per_btc)
"""
"""For each slot of a window: expected bitcoins for a thousand million hashes, and pence (cents) for a bitcoin."""

WORTH_TYPES = {"worth_n": "int[]", "worth_btc": "float8[]", "worth_pence": "float8[]"}


def worth_params(start: datetime, end: datetime, slot_s: int, history: History) -> dict[str, list[Any]]:
    """Return the parameters of WORTH for the slots of [start, end), which begins with one."""
    length = timedelta(seconds=slot_s)
    count = -(-(end - start) // length)
    known = history(start, start + count * length)
    found = [known.worth(start + n * length, start + (n + 1) * length) for n in range(count)]
    kept = [(n, worth) for n, worth in enumerate(found) if worth.btc_per_gh is not None]
    return {
        "worth_n": [n for n, _ in kept],
        "worth_btc": [worth.btc_per_gh for _, worth in kept],
        "worth_pence": [worth.pence_per_btc for _, worth in kept],
    }
