"""What one cycle gave, as a table for people."""

from collections.abc import Iterable

from rich.table import Table

from miners.collector.poll import Outcome
from miners.drivers.base import Reading

COLUMNS = ("miner", "address", "GH/s", "W", "°C", "accepted", "rejected", "says")


def outcome_table(outcomes: Iterable[Outcome]) -> Table:
    """Return a table of what each miner said, or of why it did not."""
    table = Table(*COLUMNS)
    for outcome in outcomes:
        table.add_row(outcome.target.name, str(outcome.target.address), *_cells(outcome.result))
    return table


def _cells(result: Reading | str) -> list[str]:
    if isinstance(result, str):
        return [""] * 5 + [result]
    figures = (result.hashrate_ghs, result.power_w, result.temperature_c, result.accepted, result.rejected)
    return ["?" if figure is None else f"{figure:,.10g}" for figure in figures] + [
        "; ".join(filter(None, (result.model, result.mode, *result.warnings)))
    ]
