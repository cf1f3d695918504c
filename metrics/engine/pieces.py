"""Pieces: rows of telemetry cut at every boundary of equally long stretches of time, each piece with its seconds.

A piece has the columns miner_id, n (which stretch, from 0), begins (the row's interval begins in it), sec and what
the row told. Each row has the piece in which it ends; the few that reach over a boundary have others before that,
and where there is much to read, those are better looked for by themselves.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from miners.telemetry.read import (
    VALUES,
    Stretches,
    ending_within,
    last_pieces,
    reaching_back,
    reaching_in,
    reaching_over,
)

WORTH_A_SCAN = timedelta(hours=6)
"""From here on, all miners' rows are read by scanning days, below by the index, miner by miner."""

MANY_MINER_HOURS = 2000

FEW_EDGES = 2
"""At so many edges, the window's end among them, the rows that reach over are looked up rather than looked for."""

CUT = """
SELECT reading.*, end_s - covered_s AS start_s,
       generate_series(greatest(end_s - covered_s, 0) / {length_s}, (least(end_s, {window_s}) - 1) / {length_s}) AS n
FROM (({ending}) UNION ALL {reaching}) reading
"""

ALL = f"""
SELECT miner_id, n, start_s >= n * {{length_s}} AS begins,
       (least({{window_s}}, end_s, (n + 1) * {{length_s}}) - greatest(start_s, n * {{length_s}}))::float8 AS sec, {{values}}
FROM ({CUT}) cut
"""

EARLIER = """
SELECT miner_id, n, start_s >= n * {length_s} AS begins,
       (least({window_s}, (n + 1) * {length_s}) - greatest(start_s, n * {length_s}))::float8 AS sec, {values}
FROM (
    SELECT reading.*, end_s - covered_s AS start_s,
           generate_series(greatest(end_s - covered_s, 0) / {length_s},
                           CASE WHEN end_s > {window_s} THEN ({window_s} - 1) / {length_s}
                                ELSE (end_s - 1) / {length_s} - 1 END) AS n
    FROM (
        ({back}) UNION ALL {reaching}
    ) reading
) cut
"""

# Over an edge reaches one row of a miner at most: here is its piece before that edge, and no other.
BEFORE_EDGES = """
SELECT miner_id, n, start_s >= n * {length_s} AS begins, (edge_s - greatest(start_s, n * {length_s}))::float8 AS sec,
       {values}
FROM (
    SELECT reading.*, end_s - covered_s AS start_s, (edge_s - 1) / {length_s} AS n FROM ({over}) reading
) reading
"""


def worth_a_scan(start: datetime, end: datetime) -> bool:
    """Return whether [start, end) is long enough to read whole partitions, where everyone's rows are wanted."""
    return end - start >= WORTH_A_SCAN


def worth_sharing(miners: int, start: datetime, end: datetime) -> bool:
    """Return whether so many miners' [start, end) is enough that parallel workers are worth what they need."""
    return miners * (end - start).total_seconds() / 3600 > MANY_MINER_HOURS


NUMBER = "((date_part('epoch', first_end) - {start_s})::int / {length_s})"


@dataclass(frozen=True, slots=True)
class Pieces(Stretches):
    """The pieces of telemetry in [start, end), cut every `length_s` seconds; `count` is how many stretches that makes.

    These and `window_s`, how long all of them are, are SQL expressions of integers. The queries have the parameter
    `miner_ids`; `everyone` says that these are all the miners there are. `reaching` is the query of the rows that reach
    in from after the end, that of telemetry itself where empty. `edges` is what has, in a FROM, the ends of the stretches in
    seconds from the start, where they are few enough to look up what reaches over them, else it is empty.
    """

    window_s: str
    count: str
    everyone: bool = False
    reaching: str = ""
    edges: str = ""

    @staticmethod
    def between(
        start: datetime, end: datetime, length_s: int, *, everyone: bool = False, reaching: str = ""
    ) -> "Pieces":
        """Make those in [start, end); the last stretch may be shorter."""
        numbers = _numbers(start, end, length_s)
        start_s, window_s = numbers["piece_start_s"], numbers["piece_window_s"]
        edges_s = _edges_s(window_s, length_s)
        return _described(
            {name: str(number) for name, number in numbers.items()}
            | {
                "piece_length": f"interval '{length_s} seconds'",
                "piece_first": f"to_timestamp({start_s + 1})",
            },
            everyone=everyone,
            reaching=reaching,
            edges=f"unnest(ARRAY{edges_s})" if len(edges_s) <= FEW_EDGES else "",
        )

    @property
    def number(self) -> str:
        """The SQL of the number, from 0, of the stretch that has this `first_end`."""
        return NUMBER.format(start_s=self.start_s, length_s=self.length_s)

    def cut(self) -> str:
        """Return the query of the rows, each once for every stretch `n` that it reaches into, with its `start_s`."""
        return self._format(CUT)

    def all(self) -> str:
        """Return the query of all pieces: one pass, which parallel workers cannot share."""
        return self._format(ALL)

    def last(self) -> str:
        """Return the query of the pieces in which rows end; `first_end` in the place of `n` tells the stretch."""
        return last_pieces(self, everyone=self.everyone)

    def earlier(self) -> str:
        """Return the query of the pieces before those, and of those of rows that end after `end`."""
        return self._format(BEFORE_EDGES if self.edges else EARLIER)

    def _format(self, sql: str) -> str:
        return sql.format(
            length_s=self.length_s,
            window_s=self.window_s,
            values=VALUES,
            ending=ending_within(self.start_s, self.end_s, everyone=self.everyone),
            back=reaching_back(self, everyone=self.everyone),
            reaching=self.reaching or reaching_in(self.start_s, self.end_s),
            over=reaching_over(self.start_s, self.edges) if self.edges else "",
        )


PIECE_TYPES = {
    "piece_start_s": "bigint",
    "piece_end_s": "bigint",
    "piece_window_s": "int",
    "piece_length_s": "int",
    "piece_count": "int",
    "piece_length": "interval",
    "piece_first": "timestamptz",
    "piece_edges_s": "int[]",
    "miner_ids": "int[]",
}


def piece_params(start: datetime, end: datetime, length_s: int) -> dict[str, Any]:
    """Return the parameters of ASKED."""
    numbers = _numbers(start, end, length_s)
    return numbers | {
        "piece_length": timedelta(seconds=length_s),
        "piece_first": start + timedelta(seconds=1),
        "piece_edges_s": _edges_s(numbers["piece_window_s"], length_s),
    }


def _numbers(start: datetime, end: datetime, length_s: int) -> dict[str, int]:
    start_s, end_s = int(start.timestamp()), int(end.timestamp())
    return {
        "piece_start_s": start_s,
        "piece_end_s": end_s,
        "piece_window_s": end_s - start_s,
        "piece_length_s": length_s,
        "piece_count": -(-(end_s - start_s) // length_s),
    }


def _edges_s(window_s: int, length_s: int) -> list[int]:
    return [*range(length_s, window_s, length_s), window_s]


def _described(by: Mapping[str, str], *, edges: str, everyone: bool = False, reaching: str = "") -> Pieces:
    return Pieces(
        start_s=by["piece_start_s"],
        end_s=by["piece_end_s"],
        window_s=by["piece_window_s"],
        length_s=by["piece_length_s"],
        count=by["piece_count"],
        length=by["piece_length"],
        first=by["piece_first"],
        everyone=everyone,
        reaching=reaching,
        edges=edges,
    )


ASKED = _described({name: f"%({name})s" for name in PIECE_TYPES}, edges="unnest(%(piece_edges_s)s::int[])")
"""Pieces that parameters describe, those of `piece_params`."""
