"""How prices are stored: staged by COPY, laid beside what is there, and merged by a few statements."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from math import gcd
from typing import Any

from django.db import connection, transaction

from energy.models import Tariff
from energy.points import PriceError, PricePoint, check_point, span
from hmm.dirty import mark_tariff_dirty

LONGEST_SLOT_S = 3600


@dataclass(frozen=True, slots=True)
class StoreResult:
    """How many of the slots given were new, differed from what was stored, or were there already."""

    added: int
    changed: int
    unchanged: int

    def __str__(self) -> str:
        return f"{self.added} added, {self.changed} changed, {self.unchanged} unchanged"


class NumberedPriceError(PriceError):
    """A price that cannot be stored; `number` is the one it was given under."""

    def __init__(self, message: str, number: int) -> None:
        super().__init__(message)
        self.number = number


class OverlapError(NumberedPriceError):
    """A slot that overlaps another; `other_number` is None where that one was stored before."""

    def __init__(
        self,
        number: int,
        point: tuple[datetime, datetime],
        other_number: int | None,
        other: tuple[datetime, datetime],
    ) -> None:
        stored = " stored before; give the same slot again or none that overlaps it"
        super().__init__(
            f"{span(*point)} overlaps {span(*other)}{stored if other_number is None else ''}", number
        )
        self.other_number = other_number


def store_numbered_prices(
    tariff: Tariff, numbered: Iterable[tuple[int, PricePoint]], *, recut: bool = False
) -> StoreResult:
    """Store slots as `energy.prices.store_prices` does; an error has the number of the slot at fault.

    `numbered` is read once and not kept, so it may be as long as a file.
    """
    with transaction.atomic(), connection.cursor() as cursor:
        _stage(cursor, numbered)
        _refuse_overlaps_among_new(cursor)
        Tariff.objects.select_for_update(no_key=True).get(pk=tariff.pk)
        cursor.execute(MEET_STORED, [tariff.pk, tariff.pk])
        cursor.execute("ANALYZE price_met")
        if not recut:
            _refuse_partial_overlaps(cursor)
        result = _count(cursor)
        _mark_what_changes(cursor, tariff.pk)
        cursor.execute(MAKE_ROOM, [tariff.pk])
        cursor.execute(WRITE, [tariff.pk])
        _keep_slots_fine_enough(cursor, tariff.pk)
    return result


STAGE = """
DROP TABLE IF EXISTS pg_temp.price_new, pg_temp.price_met;
CREATE TEMPORARY TABLE price_new (
  number bigint, "start" timestamptz, "end" timestamptz, pence_per_kwh double precision
) ON COMMIT DROP
"""

OVERLAP_AMONG_NEW = """
SELECT number, "start", "end", other_number, other_start, other_end
FROM (
  SELECT *, lag(number) OVER w other_number, lag("start") OVER w other_start, lag("end") OVER w other_end
  FROM price_new WINDOW w AS (ORDER BY "start", number)
) ordered
WHERE "start" < other_end ORDER BY "start" LIMIT 1
"""

# Stored slots never overlap: beside those that begin within the new one only the last before it can meet it.
MEET_STORED = """
CREATE TEMPORARY TABLE price_met ON COMMIT DROP AS
SELECT n.number, n."start" new_start, n."end" new_end, o.id, o."start", o."end",
  o.pence_per_kwh IS NOT DISTINCT FROM n.pence_per_kwh AS same_price,
  (o."start", o."end") = (n."start", n."end") AS same_slot
FROM price_new n CROSS JOIN LATERAL (
  (SELECT * FROM energy_priceslot WHERE tariff_id = %s AND "start" < n."start" ORDER BY "start" DESC LIMIT 1)
  UNION ALL
  (SELECT * FROM energy_priceslot WHERE tariff_id = %s AND "start" >= n."start" AND "start" < n."end")
) o WHERE o."end" > n."start"
"""

PARTIAL_OVERLAP = """
SELECT number, new_start, new_end, NULL, "start", "end" FROM price_met
WHERE NOT same_slot ORDER BY number LIMIT 1
"""

COUNT = """
SELECT count(*) FILTER (WHERE m.new_start IS NULL), count(*) FILTER (WHERE NOT m.same),
  count(*) FILTER (WHERE m.same)
FROM price_new n LEFT JOIN (
  SELECT new_start, bool_and(same_slot AND same_price) same FROM price_met GROUP BY new_start
) m ON m.new_start = n."start"
"""

CHANGED_STRETCHES = """
SELECT lower(stretch), upper(stretch) FROM unnest(
  (SELECT coalesce(range_agg(tstzrange("start", "end")), '{}') FROM price_new)
  - (SELECT coalesce(range_agg(tstzrange(greatest("start", new_start), least("end", new_end))), '{}')
     FROM price_met WHERE same_price)
) stretch ORDER BY stretch
"""

MAKE_ROOM = """
WITH taken AS (
  SELECT id, range_agg(tstzrange(new_start, new_end)) stretches FROM price_met WHERE NOT same_slot GROUP BY id
), gone AS (
  DELETE FROM energy_priceslot o USING taken WHERE o.id = taken.id
  RETURNING tstzmultirange(tstzrange(o."start", o."end")) - taken.stretches AS rest, o.pence_per_kwh
)
INSERT INTO energy_priceslot (tariff_id, "start", "end", pence_per_kwh)
SELECT %s, lower(part), upper(part), pence_per_kwh FROM gone, unnest(rest) part
"""

WRITE = """
INSERT INTO energy_priceslot AS o (tariff_id, "start", "end", pence_per_kwh)
SELECT %s, "start", "end", pence_per_kwh FROM price_new ORDER BY "start"
ON CONFLICT (tariff_id, "start") DO UPDATE SET pence_per_kwh = EXCLUDED.pence_per_kwh
WHERE o.pence_per_kwh IS DISTINCT FROM EXCLUDED.pence_per_kwh
"""

OFFSETS_IN_THE_HOUR = """
SELECT DISTINCT extract(epoch FROM edge)::bigint % 3600
FROM price_new CROSS JOIN LATERAL (VALUES ("start"), ("end")) edges (edge)
"""


def _stage(cursor: Any, numbered: Iterable[tuple[int, PricePoint]]) -> None:
    cursor.execute(STAGE)
    with (
        connection.wrap_database_errors,
        cursor.copy('COPY price_new (number, "start", "end", pence_per_kwh) FROM STDIN') as copy,
    ):
        for number, point in numbered:
            try:
                check_point(point)
            except PriceError as error:
                raise NumberedPriceError(str(error), number) from None
            copy.write_row((number, point.start, point.end, point.pence_per_kwh))
    cursor.execute("ANALYZE price_new")


def _refuse_overlaps_among_new(cursor: Any) -> None:
    cursor.execute(OVERLAP_AMONG_NEW)
    _refuse(cursor.fetchone())


def _refuse_partial_overlaps(cursor: Any) -> None:
    cursor.execute(PARTIAL_OVERLAP)
    _refuse(cursor.fetchone())


def _refuse(found: tuple[Any, ...] | None) -> None:
    if found is not None:
        number, start, end, other_number, other_start, other_end = found
        raise OverlapError(number, (start, end), other_number, (other_start, other_end))


def _count(cursor: Any) -> StoreResult:
    cursor.execute(COUNT)
    return StoreResult(*cursor.fetchone())


def _mark_what_changes(cursor: Any, tariff_id: int) -> None:
    cursor.execute(CHANGED_STRETCHES)
    for start, end in cursor.fetchall():
        mark_tariff_dirty(tariff_id, start.astimezone(UTC), end.astimezone(UTC))


def _keep_slots_fine_enough(cursor: Any, tariff_id: int) -> None:
    """Shorten the tariff's slot length where a price changes within one, so that none spans two prices."""
    cursor.execute(OFFSETS_IN_THE_HOUR)
    needed_s = gcd(LONGEST_SLOT_S, *(int(offset_s) for (offset_s,) in cursor.fetchall()))
    slot_s = Tariff.objects.values_list("slot_s", flat=True).get(pk=tariff_id)
    if needed_s % slot_s:
        Tariff.objects.filter(pk=tariff_id).update(slot_s=gcd(slot_s, needed_s))
