"""The latest readings as locks: whoever writes a miner's telemetry holds its row first."""

from collections.abc import Iterable
from typing import Any

from django.db import connection

from hmm.lib.binary_arrays import Int4Array, binding_cursor, number_array
from miners.telemetry.tick_sql import HOLD

CREATE_MISSING = """
INSERT INTO miners_latestreading (miner_id, mode, firmware, pool_url, pool_user, warnings)
SELECT id, '', '', '', '', '[]' FROM miners_miner WHERE id = ANY(%s)
ON CONFLICT (miner_id) DO NOTHING
"""

# In the order of the ids, so that two writers of the same miners wait for each other instead of deadlocking.
LOCK = "SELECT miner_id FROM miners_latestreading WHERE miner_id = ANY(%s) ORDER BY miner_id FOR UPDATE"


def lock_latest_readings(miner_ids: Iterable[int]) -> set[int]:
    """Lock the latest readings of these miners until the transaction ends, made where missing.

    Returns the ids of those that exist: what is not in it is no miner.
    """
    wanted = sorted(set(miner_ids))
    with connection.cursor() as cursor:
        locked = _lock(cursor, wanted)
        if len(locked) < len(wanted):
            cursor.execute(CREATE_MISSING, [wanted])
            locked = _lock(cursor, wanted)
    return locked


def hold_latest_readings(miner_ids: Iterable[int]) -> None:
    """Lock as `lock_latest_readings` does, without asking which of these miners there are."""
    wanted = sorted(set(miner_ids))
    with binding_cursor() as cursor:
        cursor.execute(HOLD, {"held": number_array(Int4Array, wanted)})
        if cursor.fetchone()[0] < len(wanted):
            lock_latest_readings(wanted)


def _lock(cursor: Any, wanted: list[int]) -> set[int]:
    cursor.execute(LOCK, [wanted])
    return {miner_id for (miner_id,) in cursor.fetchall()}
