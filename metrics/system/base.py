"""What every block of the page System takes and gives."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from hmm.lib.registry import Registry


@dataclass(frozen=True)
class Block:
    """A part of the page, which the page fetches again by itself.

    `context` reads, with a constant number of queries, what `template`, a partial, shows at that moment. Blocks are shown by
    `place`, the least first.
    """

    name: str
    title: str
    place: int
    template: str
    context: Callable[[datetime], dict[str, Any]]


blocks: Registry[Block] = Registry("block of the page System", "metrics.system")


def in_order() -> list[Block]:
    """Return every block, in the order of the page."""
    return sorted(blocks, key=lambda block: (block.place, block.name))
