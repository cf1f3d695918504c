"""Pieces: rows of telemetry cut at every boundary of equally long stretches of time, each piece with its seconds.

A piece has the columns miner_id, n (which stretch, from 0), begins (the row's interval begins in it), sec and what
the row told. Each row has the piece in which it ends; the few that reach over a boundary have others before that,
and where there is much to read, those are better looked for by themselves.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from miners.telemetry.read import VALUES, ending_within, last_pieces, reaching_in, reaching_over

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

LAST = """
SELECT miner_id, (end_s - 1) / {length_s} AS n, mod(end_s - 1, {length_s}) >= covered_s - 1 AS begins,
       least(covered_s, mod(end_s - 1, {length_s}) + 1)::float8 AS sec, {values}
FROM ({ending}) reading
"""

# An equality, since PostgreSQL takes that for rare, as it is, and a third of all rows for what an inequality leaves.
STRADDLES = "CASE WHEN mod(end_s - 1, {length_s}) < covered_s - 1 THEN 1 END"

EARLIER = """
SELECT miner_id, n, start_s >= n * {length_s} AS begins,
       (least({window_s}, (n + 1) * {length_s}) - greatest(start_s, n * {length_s}))::float8 AS sec, {values}
FROM (
    SELECT reading.*, end_s - covered_s AS start_s,
           generate_series(greatest(end_s - covered_s, 0) / {length_s},
                           CASE WHEN end_s > {window_s} THEN ({window_s} - 1) / {length_s}
                                ELSE (end_s - 1) / {length_s} - 1 END) AS n
    FROM (
        SELECT * FROM ({ending}) reading WHERE {straddles} = 1
        UNION ALL {reaching}
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


@dataclass(frozen=True, slots=True)
class Pieces:
    """The pieces of telemetry in [start, end), cut every `length_s` seconds; `count` is how many stretches that makes.

    All of these are SQL expressions of integers, start and end of seconds since 1970. The queries have the parameter
    `miner_ids`; `everyone` says that these are all the miners there are. `reaching` is the query of the rows that reach
    in from after the end, that of telemetry itself where empty. `edges` is what has, in a FROM, the ends of the stretches in
    seconds from the start, where they are few enough to look up what reaches over them, else it is empty; `edges_s` are
    those ends, where the query may be made for them.
    """

    start_s: str
    end_s: str
    window_s: str
    length_s: str
    count: str
    everyone: bool = False
    reaching: str = ""
    edges: str = ""
    edges_s: tuple[int, ...] = ()

    @staticmethod
    def between(
        start: datetime, end: datetime, length_s: int, *, everyone: bool = False, reaching: str = ""
    ) -> "Pieces":
        """Make those in [start, end); the last stretch may be shorter."""
        numbers = piece_params(start, end, length_s)
        described = _described({name: str(number) for name, number in numbers.items()}, everyone, reaching)
        edges_s = _edges_s(numbers["piece_window_s"], length_s)
        return replace(described, edges=_values(edges_s), edges_s=edges_s)

    def cut(self) -> str:
        """Return the query of the rows, each once for every stretch `n` that it reaches into, with its `start_s`."""
        return self._format(CUT)

    def all(self) -> str:
        """Return the query of all pieces: one pass, which parallel workers cannot share."""
        return self._format(ALL)

    def last(self) -> str:
        """Return the query of the pieces in which rows end."""
        if self.edges_s:
            return last_pieces(int(self.start_s), self.edges_s, int(self.length_s), everyone=self.everyone)
        return self._format(LAST)

    def earlier(self) -> str:
        """Return the query of the pieces before those, and of those of rows that end after `end`."""
        return self._format(BEFORE_EDGES if self.edges else EARLIER)

    def _format(self, sql: str) -> str:
        return sql.format(
            length_s=self.length_s,
            window_s=self.window_s,
            values=VALUES,
            straddles=STRADDLES.format(length_s=self.length_s),
            ending=ending_within(self.start_s, self.end_s, everyone=self.everyone),
            reaching=self.reaching or reaching_in(self.start_s, self.end_s),
            over=reaching_over(self.start_s, self.edges) if self.edges else "",
        )


PIECE_TYPES = {
    "piece_start_s": "bigint",
    "piece_end_s": "bigint",
    "piece_window_s": "int",
    "piece_length_s": "int",
    "piece_count": "int",
    "miner_ids": "int[]",
}


def piece_params(start: datetime, end: datetime, length_s: int) -> dict[str, int]:
    """Return the parameters of ASKED."""
    start_s, end_s = int(start.timestamp()), int(end.timestamp())
    return {
        "piece_start_s": start_s,
        "piece_end_s": end_s,
        "piece_window_s": end_s - start_s,
        "piece_length_s": length_s,
        "piece_count": -(-(end_s - start_s) // length_s),
    }


def _edges_s(window_s: int, length_s: int) -> tuple[int, ...]:
    edges_s = (*range(length_s, window_s, length_s), window_s)
    return edges_s if len(edges_s) <= FEW_EDGES else ()


def _values(edges_s: tuple[int, ...]) -> str:
    return f"(VALUES {', '.join(f'({edge_s})' for edge_s in edges_s)})" if edges_s else ""


def _described(by: Mapping[str, str], everyone: bool = False, reaching: str = "") -> Pieces:
    return Pieces(
        start_s=by["piece_start_s"],
        end_s=by["piece_end_s"],
        window_s=by["piece_window_s"],
        length_s=by["piece_length_s"],
        count=by["piece_count"],
        everyone=everyone,
        reaching=reaching,
    )


ASKED = _described({name: f"%({name})s" for name in PIECE_TYPES})
"""Pieces that parameters describe, those of `piece_params`."""
