"""What miners did in the last 24 hours that are stored: read from the store once, and kept until its engine writes there.

Every run that changes a miner's row makes the system's row of that period anew. So the system's rows, of which there are
few, tell whether those of thousands of miners are still the same.
"""

from array import array
from collections.abc import Sequence
from datetime import timedelta
from hashlib import blake2b

from django.core.cache import cache

from hmm.lib.buckets import Bucket
from hmm.replica.route import connection
from metrics.engine.known import this_database
from metrics.engine.state import State
from metrics.live_parts import within
from metrics.query.cover import LONGEST_FIRST, cover
from metrics.query.miner_keys import miner_keys

KEYS = (("efficiency", "j_per_th"), ("uptime", "uptime"))
KEPT_FOR = timedelta(hours=1)
"""The stretch moves on with the next slot."""

Past = tuple[float | None, float | None]
"""J/TH and uptime (0..1); null where not known."""

NOTHING: Past = (None, None)

VERSION = """
SELECT coalesce(string_agg(concat_ws(' ', period, timestamp, ctid, xmin), ',' ORDER BY period, timestamp), '')
FROM metrics_rollup WHERE entity_type = 'system' AND entity_id IS NULL AND ({within})
"""


def past_of(miner_ids: Sequence[int], stretch: Bucket, state: State) -> list[Past]:
    """Return what each of these miners did in `stretch`, which is made of stored slots. One query, two where that is new."""
    segments = cover([stretch], LONGEST_FIRST, state.marks, state.cut)
    if not segments:
        return [NOTHING] * len(miner_ids)
    with connection.cursor() as cursor:
        stored = " OR ".join(f"({within(each.period, each.start, each.end)})" for each in segments)
        cursor.execute(VERSION.format(within=stored))
        (version,) = cursor.fetchone()
    key = _key(miner_ids, stretch, version)
    if (kept := cache.get(key)) is None:
        kept = _read(miner_ids, stretch, state)
        cache.set(key, kept, KEPT_FOR.total_seconds())
    return list(zip(*kept, strict=True))


def _read(
    miner_ids: Sequence[int], stretch: Bucket, state: State
) -> tuple[list[float | None], list[float | None]]:
    found = miner_keys(KEYS, miner_ids, stretch, state)
    past = [found.get(miner_id, NOTHING) for miner_id in miner_ids]
    return [j_per_th for j_per_th, _ in past], [
        None if percent is None else percent / 100 for _, percent in past
    ]


def _key(miner_ids: Sequence[int], stretch: Bucket, version: str) -> str:
    told = f"{this_database()} {stretch.start.isoformat()} {stretch.end.isoformat()} {version}".encode()
    return f"strategies-past-{blake2b(told + array('q', miner_ids).tobytes(), digest_size=16).hexdigest()}"
