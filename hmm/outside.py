"""The books of the door that all processes share, and what they say of each service outside."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import connection
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from hmm.door.books import Outcome
from hmm.door.source import Source
from hmm.models import OutsideSource, hit_rate

LONGEST_ERROR = 500

LONGEST_AHEAD = "3 hours"
"""No turn is given so far ahead, nor a service left alone for so long: one beyond is from before the clock was set back."""

# The row's lock makes turns: who comes second sees the turn that the first has taken.
TAKE_TURN = f"""
INSERT INTO hmm_outsidesource AS o (name, host, next_turn_at, hits, misses, uncached, errors, unasked, stale, last_error)
VALUES (%(name)s, %(host)s, clock_timestamp() + %(pace)s::interval, 0, 0, 0, 0, 0, 0, '')
ON CONFLICT (name, host) DO UPDATE
SET next_turn_at = greatest(clock_timestamp(),
    CASE WHEN o.next_turn_at <= clock_timestamp() + interval '{LONGEST_AHEAD}' THEN o.next_turn_at END) + %(pace)s::interval
WHERE o.next_turn_at IS NULL OR o.next_turn_at <= clock_timestamp() + %(ahead)s::interval
   OR o.next_turn_at > clock_timestamp() + interval '{LONGEST_AHEAD}'
RETURNING extract(epoch FROM next_turn_at - %(pace)s::interval - clock_timestamp())
"""

TO_WAIT = """
SELECT extract(epoch FROM next_turn_at - clock_timestamp()) FROM hmm_outsidesource
WHERE name = %(name)s AND host = %(host)s
"""

LEAVE_ALONE = """
INSERT INTO hmm_outsidesource AS o (name, host, next_turn_at, hits, misses, uncached, errors, unasked, stale, last_error)
VALUES (%(name)s, %(host)s, clock_timestamp() + %(wait)s::interval, 0, 0, 0, 0, 0, 0, '')
ON CONFLICT (name, host) DO UPDATE SET next_turn_at = greatest(EXCLUDED.next_turn_at, o.next_turn_at)
"""

NOTE = """
INSERT INTO hmm_outsidesource AS o
    (name, host, hits, misses, uncached, errors, uncached_errors, unasked, stale, last_ok_at, last_error_at, last_error)
VALUES (%(name)s, %(host)s, %(hits)s, %(misses)s, %(uncached)s, %(errors)s, %(uncached_errors)s, %(unasked)s, %(stale)s,
        CASE WHEN %(misses)s + %(uncached)s > 0 THEN clock_timestamp() END, CASE WHEN %(error)s <> '' THEN clock_timestamp() END,
        %(error)s)
ON CONFLICT (name, host) DO UPDATE SET
    hits = o.hits + EXCLUDED.hits, misses = o.misses + EXCLUDED.misses, errors = o.errors + EXCLUDED.errors,
    uncached = o.uncached + EXCLUDED.uncached, uncached_errors = o.uncached_errors + EXCLUDED.uncached_errors,
    unasked = o.unasked + EXCLUDED.unasked, stale = o.stale + EXCLUDED.stale,
    last_ok_at = coalesce(EXCLUDED.last_ok_at, o.last_ok_at),
    last_error_at = coalesce(EXCLUDED.last_error_at, o.last_error_at),
    last_error = CASE WHEN EXCLUDED.last_error = '' THEN o.last_error ELSE EXCLUDED.last_error END
"""


class StoredBooks:
    """Books in the database. Not for use within a transaction: others would wait for its end."""

    def turn(self, source: Source, host: str, patience_s: float) -> float:
        """See Books."""
        asked = {
            "name": source.name,
            "host": host,
            "pace": f"{source.pace_s} seconds",
            "ahead": f"{patience_s + source.burst_s} seconds",
        }
        with connection.cursor() as cursor:
            cursor.execute(TAKE_TURN, asked)
            if (taken := cursor.fetchone()) is None:
                cursor.execute(TO_WAIT, asked)
                taken = cursor.fetchone()
        return max(0.0, float(taken[0] or 0) - source.burst_s) if taken else 0.0

    def leave_alone(self, source: Source, host: str, wait_s: float) -> None:
        """See Books."""
        wait = f"{wait_s + source.burst_s} seconds"
        with connection.cursor() as cursor:
            cursor.execute(LEAVE_ALONE, {"name": source.name, "host": host, "wait": wait})

    def note(self, source: str, host: str, outcome: Outcome | None, error: str = "") -> None:
        """See Books."""
        counts = {each.value: int(each is outcome) for each in Outcome}
        with connection.cursor() as cursor:
            cursor.execute(NOTE, {"name": source, "host": host, "error": error[:LONGEST_ERROR], **counts})


@dataclass(frozen=True, slots=True)
class SourceCounts:
    """What the books say of one service, all of its hosts together.

    `hit_rate` is 0 to 1, None where nothing was asked that the cache might have answered.
    """

    name: str
    hits: int
    misses: int
    uncached: int
    errors: int
    uncached_errors: int
    unasked: int
    stale: int
    hit_rate: float | None
    last_ok_at: datetime | None
    last_error_at: datetime | None
    last_error: str


def source_counts(rows: Sequence[OutsideSource] | None = None) -> list[SourceCounts]:
    """Return the counts of each service since this database began, by name. One query, none with `rows`."""
    found = list(OutsideSource.objects.all()) if rows is None else rows
    return [_summed(name, [r for r in found if r.name == name]) for name in sorted({r.name for r in found})]


def _summed(name: str, rows: Sequence[OutsideSource]) -> SourceCounts:
    counts = {each: sum(getattr(row, each.value) for row in rows) for each in Outcome}
    failed = max((r for r in rows if r.last_error_at), key=lambda r: r.last_error_at, default=None)  # type: ignore[arg-type, return-value]
    return SourceCounts(
        name=name,
        **{each.value: count for each, count in counts.items()},
        hit_rate=hit_rate(
            counts[Outcome.HIT], counts[Outcome.MISS], counts[Outcome.ERROR] + counts[Outcome.UNASKED]
        ),
        last_ok_at=max((r.last_ok_at for r in rows if r.last_ok_at), default=None),
        last_error_at=failed.last_error_at if failed else None,
        last_error=failed.last_error if failed else "",
    )


@require_safe
@never_cache
def outside_sources(request: HttpRequest) -> HttpResponse:
    """Each service outside and host, with its counts, when it last answered, and its last error. One query."""
    return render(request, "hmm/_outside_sources.html", {"sources": OutsideSource.objects.all()})
