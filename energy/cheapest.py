"""When to use electricity: the cheapest hours among known prices, in stretches that are worth starting for.

A pure function. Prices are cut into pieces as long as the greatest common divisor of their lengths, but of an hour at most,
so that each piece has one price; what is chosen are whole pieces. With `best(i, k)` as the least that k of the first i pieces cost, and
`ending(i, k)` as the same with piece i among them, a stretch either goes on by one piece or begins with the least
number of them:

    ending(i, k) = min(ending(i − 1, k − 1) + price(i), best(i − m, k − m) + price(i − m + 1 … i))
    best(i, k)   = min(best(i − 1, k), ending(i, k))

which is i × k steps. Sums are of whole millionths of a penny, so that equal costs are equal.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import reduce
from math import ceil, gcd

from energy.points import PricePoint

MILLIONTHS = 1_000_000
LONGEST_PIECE_S = 3600
"""A price that holds for a day or a year can be used from any hour of it on."""


@dataclass(frozen=True, slots=True)
class Wish:
    """So many seconds of electricity, at least `stretch_s` of them without a break, nowhere dearer than `ceiling_pence`."""

    wanted_s: int
    stretch_s: int = 0
    ceiling_pence: float | None = None


@dataclass(frozen=True, slots=True)
class CheapStretch:
    """A stretch [start, end) to use electricity in, and what a kWh costs in it on average, in pence (cents)."""

    start: datetime
    end: datetime
    pence_per_kwh: float

    @property
    def length(self) -> timedelta:
        """How long it is."""
        return self.end - self.start


@dataclass(frozen=True, slots=True)
class CheapestPlan:
    """What was found: as much as was wished for, or the most there is; `pence_per_kwh` is null where that is nothing."""

    wish: Wish
    stretches: tuple[CheapStretch, ...]
    found_s: int
    pence_per_kwh: float | None

    @property
    def is_whole(self) -> bool:
        """Whether all that was wished for was found."""
        return self.found_s >= self.wish.wanted_s


def cheapest(prices: Sequence[PricePoint], wish: Wish, now: datetime) -> CheapestPlan:
    """Return when to use `wish.wanted_s` of electricity from `now` on, at the least cost at constant power.

    `prices` are in order and may have gaps, over which no stretch goes. Begun pieces are left out. What is wished for
    is rounded up to whole pieces; where there is not so much under the ceiling, in stretches so long, it is the most
    that there is. Of equal costs the earliest. Takes time in proportion to pieces × wanted pieces.
    """
    unit_s = _unit_s(prices)
    pieces = list(_pieces(prices, unit_s, now))
    wanted = min(_pieces_in(wish.wanted_s, unit_s), len(pieces))
    least = max(1, min(_pieces_in(wish.stretch_s, unit_s), _pieces_in(wish.wanted_s, unit_s)))
    chosen = _choose(_runs(pieces, wish.ceiling_pence), wanted, least)
    found = [pieces[place] for place in chosen]
    return CheapestPlan(wish, tuple(_joined(found)), unit_s * len(found), _average(found))


@dataclass(frozen=True, slots=True)
class _Cell:
    """The least cost of a number of pieces; `before` is the cell it was reached from, `added` how many came to that."""

    cost: int
    at: int
    before: "_Cell | None"
    added: int


@dataclass(frozen=True, slots=True)
class _Run:
    """A piece's cost, null where it is too dear, and how many pieces up to it follow each other without a break."""

    cost: int | None
    length: int


def _choose(runs: Sequence[_Run], wanted: int, least: int) -> list[int]:
    """Return the places of the pieces: as many as there are up to `wanted`, at the least cost, `least` at a time."""
    nothing = _Cell(0, 0, None, 0)
    best: list[list[_Cell | None]] = [[nothing] + [None] * wanted]
    ending: list[_Cell | None] = [None] * (wanted + 1)
    sums = [0]
    for at, run in enumerate(runs, 1):
        sums.append(sums[-1] + (run.cost or 0))
        ending = _ending(at, run, ending, best, sums, least)
        best.append([_cheaper(*pair) for pair in zip(best[-1], ending, strict=True)])
    cell = next(cell for cell in reversed(best[-1]) if cell is not None)
    return sorted(_places(cell))


def _ending(
    at: int,
    run: _Run,
    before: list[_Cell | None],
    best: list[list[_Cell | None]],
    sums: list[int],
    least: int,
) -> list[_Cell | None]:
    """Return the cells of stretches that end with the piece `at`, counted from 1."""
    found: list[_Cell | None] = [None] * len(before)
    if run.cost is None:
        return found
    goes_on = before if run.length > 1 else [None] * len(before)
    begins = best[at - least] if run.length >= least else [None] * len(before)
    of_the_least = sums[at] - sums[at - least] if run.length >= least else 0
    for count in range(1, len(before)):
        longer, other = goes_on[count - 1], begins[count - least] if count >= least else None
        found[count] = _cheaper(
            longer and _Cell(longer.cost + run.cost, at, longer, 1),
            other and _Cell(other.cost + of_the_least, at, other, least),
        )
    return found


def _cheaper(one: _Cell | None, other: _Cell | None) -> _Cell | None:
    if one is None or other is None:
        return one or other
    return other if other.cost < one.cost else one


def _places(cell: _Cell) -> Iterator[int]:
    while cell.before is not None:
        yield from range(cell.at - cell.added, cell.at)
        cell = cell.before


def _unit_s(prices: Sequence[PricePoint]) -> int:
    unit_s = reduce(gcd, (round((p.end - p.start).total_seconds()) for p in prices), 0) or 1
    return unit_s if unit_s <= LONGEST_PIECE_S else gcd(unit_s, LONGEST_PIECE_S)


def _pieces(prices: Sequence[PricePoint], unit_s: int, now: datetime) -> Iterator[PricePoint]:
    """Yield the pieces that begin at `now` or later."""
    for price in prices:
        first, last = int(price.start.timestamp()), int(price.end.timestamp())
        begun = max(0, ceil((now.timestamp() - first) / unit_s))
        for at in range(first + begun * unit_s, last, unit_s):
            start, end = (datetime.fromtimestamp(edge, UTC) for edge in (at, at + unit_s))
            yield PricePoint(start, end, price.pence_per_kwh)


def _pieces_in(seconds: int, unit_s: int) -> int:
    return -(-seconds // unit_s)


def _runs(pieces: Sequence[PricePoint], ceiling_pence: float | None) -> list[_Run]:
    found: list[_Run] = []
    for place, piece in enumerate(pieces):
        if ceiling_pence is not None and piece.pence_per_kwh > ceiling_pence:
            found.append(_Run(None, 0))
            continue
        follows = place > 0 and pieces[place - 1].end == piece.start
        found.append(_Run(round(piece.pence_per_kwh * MILLIONTHS), 1 + (found[-1].length if follows else 0)))
    return found


def _joined(pieces: Sequence[PricePoint]) -> Iterator[CheapStretch]:
    run: list[PricePoint] = []
    for piece in [*pieces, None]:
        if run and (piece is None or piece.start != run[-1].end):
            yield CheapStretch(run[0].start, run[-1].end, _average(run) or 0.0)
            run = []
        if piece is not None:
            run.append(piece)


def _average(pieces: Sequence[PricePoint]) -> float | None:
    """Return the mean of pieces of one length."""
    return sum(piece.pence_per_kwh for piece in pieces) / len(pieces) if pieces else None
