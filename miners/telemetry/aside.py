"""Rows that were refused: kept with the reason, counted, never computed with."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from hmm.lib.texts import storable_text
from miners.models import SetAside

LONGEST_REASON = 1000


class Aside(NamedTuple):
    """A refused row: whose it was said to be, why it was refused, and what it says, as JSON."""

    miner_name: str
    reason: str
    row: dict[str, Any]


def set_aside(source: str, refused: Sequence[Aside]) -> None:
    """Keep `refused`, from the collector or a push, in the running transaction. What is kept already is not kept again."""
    rows = [SetAside(source=source, **_storable(one)) for one in refused]
    SetAside.objects.bulk_create(rows, ignore_conflicts=True, batch_size=1000)


def _storable(one: Aside) -> dict[str, Any]:
    return {
        "miner_name": storable_text(one.miner_name)[:100],
        "reason": storable_text(one.reason)[:LONGEST_REASON],
        "row": {storable_text(name): _value(value) for name, value in one.row.items()},
    }


def _value(value: Any) -> Any:
    return storable_text(value) if isinstance(value, str) else value
