"""The line of each miner's hashrate, slot by slot."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from hmm.replica.route import connection
from metrics.types import metric_types

# The one key's own formula: making the whole `value_json` of a slot takes as long as reading it.
AVERAGE = metric_types["hashrate"].formulas("miner", "GBP")["avg"]  # the same in any currency
AVERAGES = f"""
SELECT r.entity_id, date_part('epoch', r.timestamp)::bigint, {AVERAGE} FROM metrics_rollup r
WHERE r.period = 'slot' AND r.entity_type = 'miner' AND r.timestamp >= %(start)s AND r.timestamp < %(end)s{{only}}
"""
ONLY_THESE = " AND r.entity_id = ANY(%(miners)s)"


class SlotHashrate(NamedTuple):
    """A miner's average hashrate in the slot that begins at `start_s`, seconds since the epoch; null where nothing was measured."""

    miner_id: int | None
    start_s: int
    hashrate_ghs: float | None


def slot_hashrates(start: datetime, end: datetime, miners: Sequence[int] | None = None) -> list[SlotHashrate]:
    """Return every miner's, or these miners', average hashrate in each stored slot that begins in [start, end). One query."""
    sql = AVERAGES.format(only="" if miners is None else ONLY_THESE)
    with connection.cursor() as cursor:
        cursor.execute(sql, {"start": start, "end": end, "miners": list(miners or ())})
        return [SlotHashrate(*row) for row in cursor.fetchall()]
