"""Price segments: a slot cut where the price changes, so that each piece of a row has one price or none."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from energy.prices import PricePoint

NO_TARIFF = 0
"""Stands for the tariff of a site that has none; its segments have no price."""


@dataclass(frozen=True, slots=True)
class Segment:
    """[start_s, end_s) of the slot that begins at slot_s, at one price; times are seconds since the epoch."""

    tariff_id: int
    slot_s: int
    start_s: int
    end_s: int
    pence: float | None


def segments(
    tariff_id: int, prices: Iterable[PricePoint], start_s: int, end_s: int, slot_length_s: int
) -> Iterator[Segment]:
    """Cut [start_s, end_s) at every slot boundary and every edge of a price.

    `prices` are ordered and do not overlap; where none holds, `pence` is null.
    """
    pieces = _priced_pieces(prices, start_s, end_s)
    for piece_start, piece_end, pence in pieces:
        first = piece_start // slot_length_s * slot_length_s
        for slot in range(first, piece_end, slot_length_s):
            begin, end = max(piece_start, slot), min(piece_end, slot + slot_length_s)
            yield Segment(tariff_id, slot, begin, end, pence)


def _priced_pieces(
    prices: Iterable[PricePoint], start_s: int, end_s: int
) -> Iterator[tuple[int, int, float | None]]:
    at = start_s
    for price in prices:
        begin, end = max(int(price.start.timestamp()), start_s), min(int(price.end.timestamp()), end_s)
        if begin >= end:
            continue
        if at < begin:
            yield at, begin, None
        yield begin, end, price.pence_per_kwh
        at = end
    if at < end_s:
        yield at, end_s, None
