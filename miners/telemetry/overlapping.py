"""The rows that a stretch of time is told by: those that end in it, and the one that reaches in from behind it."""

from datetime import datetime, timedelta

from miners.models import Telemetry
from miners.telemetry.packed.reading import unpacked
from miners.telemetry.read import KINDS, read_reaching_in, rows_between


def rows_overlapping(miner_id: int, start: datetime, end: datetime) -> list[Telemetry]:
    """Return the rows of a miner whose interval overlaps [start, end), oldest first, packed ones too."""
    with unpacked([(start, end)], [miner_id]):
        reaching = read_reaching_in(start, end, [miner_id])
        return [*rows_between(miner_id, start, end), *_rows(reaching, start)]


def _rows(found: dict[str, list[int]], start: datetime) -> list[Telemetry]:
    names = ("miner", "end_s", "covered_s", *KINDS)
    columns = [found[f"reaching_{name}"] for name in names]
    return [
        Telemetry(
            miner_id=miner_id,
            timestamp=start + timedelta(seconds=end_s),
            covered_s=covered_s,
            **dict(zip(KINDS, told, strict=True)),
        )
        for miner_id, end_s, covered_s, *told in zip(*columns, strict=True)
    ]
