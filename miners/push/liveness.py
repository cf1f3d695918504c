"""Notes that miners have pushed, and what state that shows them in."""

from collections.abc import Iterable, Mapping
from datetime import datetime

from miners.collector.entering import Entries
from miners.models import LatestReading, Miner
from miners.push.states import patience, pushed_state
from miners.telemetry.rows import TelemetryRow


def note_pushes(
    miners: Mapping[int, Miner],
    latest: Mapping[int, LatestReading],
    stored: Iterable[TelemetryRow],
    now: datetime,
) -> None:
    """Enter the states that the `stored` rows show, in the running transaction, which holds the `latest` readings.

    `latest` is as it was before. Only a new row that is newer than all before it, and not older than the
    miner may be silent, says how the miner is now: history does not. A miner with an address is polled, and its
    state is what the polls say.
    """
    entries, pushed = Entries(), []
    for row in _newest(stored).values():
        miner, before = miners[row.miner_id], latest[row.miner_id]
        if miner.host or not _tells_of_now(row, miner, before, now):
            continue
        if before.pushed_at is not None:
            before.push_gap_s = int((now - before.pushed_at).total_seconds())
        before.pushed_at = now
        pushed.append(before)
        entries.enter(miner, pushed_state(row.hashrate_ghs, in_maintenance=miner.maintenance), now)
    LatestReading.objects.bulk_update(pushed, ["pushed_at", "push_gap_s"], batch_size=500)
    entries.save()


def _newest(rows: Iterable[TelemetryRow]) -> dict[int, TelemetryRow]:
    newest: dict[int, TelemetryRow] = {}
    for row in rows:
        if row.miner_id not in newest or newest[row.miner_id].timestamp < row.timestamp:
            newest[row.miner_id] = row
    return newest


def _tells_of_now(row: TelemetryRow, miner: Miner, before: LatestReading, now: datetime) -> bool:
    is_newest = before.timestamp is None or row.timestamp > before.timestamp
    return is_newest and now - row.timestamp <= patience(miner.site.poll_interval_s, before.push_gap_s)
