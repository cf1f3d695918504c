"""Work in portions: what itertools.batched of Python 3.12 does."""

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import TypeVar

T = TypeVar("T")


def batched(items: Iterable[T], size: int) -> Iterator[tuple[T, ...]]:
    """Yield `items` in tuples of `size`, the last of which may be shorter."""
    rest = iter(items)
    while part := tuple(islice(rest, size)):
        yield part
