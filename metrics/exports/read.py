"""Reads the store for exports: through COPY, in one snapshot, at constant memory.

COPY lets the server make the next figures while these are being written, which a cursor does not.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from functools import lru_cache

from django.db import connection, transaction
from django.db.backends.postgresql.psycopg_any import mogrify
from django.db.models import BigIntegerField, Func, QuerySet
from django.db.models.fields.json import KeyTextTransform

from hmm.installation import installation
from hmm.lib.times import EPOCH
from metrics.exports.base import Row, Sample, Selection, Setting
from metrics.models import Metric
from metrics.query import BeingComputed, prepared_state
from metrics.types import metric_types
from miners.models import Miner, Site
from pools.models import Pool

ATTEMPTS = 3
NUMBER_BEGINS = "-0123456789"

TextRow = tuple[str | None, ...]


def prepare(selection: Selection) -> None:
    """Have every closed period of the selection computed.

    Raises NotComputedYet when that is more than a caller should wait for, and BeingComputed when another
    run is at work on it: an export holds whole figures or is not made.
    """
    for period in selection.periods:
        if not any(_is_ready(period, selection) for _ in range(ATTEMPTS)):
            raise BeingComputed(selection.start, selection.end)


def _is_ready(period: str, selection: Selection) -> bool:
    now = selection.now
    state = prepared_state(period, selection.start, selection.end, now)
    needed = min(selection.end, state.cut.last_boundary(period, now))
    filled = state.marks.get(period)
    return filled is not None and filled >= needed and not state.dirty


def current_setting() -> Setting:
    """Return the installation's zone, currency and names. At most three queries."""
    here = installation()
    names: dict[tuple[str, int | None], str] = {}
    names |= {("miner", pk): name for pk, name in Miner.objects.values_list("pk", "name")}
    names |= {("site", pk): name for pk, name in Site.objects.values_list("pk", "name")}
    names |= {("pool", pk): name for pk, name in Pool.objects.values_list("pk", "name")}
    return Setting(here.zone, here.currency, names)


@contextmanager
def snapshot() -> Iterator[None]:
    """Read everything in the block as it was at its beginning, however long it takes.

    In a transaction that is already open, that one's isolation holds.
    """
    if connection.in_atomic_block:
        yield
        return
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        yield


class StoredFigures:
    """The figures of a selection, from the store. Read them inside `snapshot()`."""

    def __init__(self, selection: Selection, setting: Setting) -> None:
        self.selection = selection
        self.setting = setting

    def rows(self) -> Iterator[Row]:
        """Yield whole metrics by type and period, and in those by timestamp, entity type and entity id."""
        for metric_type in self.selection.types:
            for period in self.selection.periods:
                yield from self._rows(metric_type, period)

    def keys(self, metric_type: str) -> list[str]:
        """Return the keys of a type: those it declares, then others that the first of the selected rows have."""
        entity_types = self._entity_types(metric_type)
        found: dict[str, None] = {}
        for entity_type in entity_types:
            found |= dict.fromkeys(metric_types[metric_type].formulas(entity_type, self.setting.currency))
        for entity_type in entity_types:
            for period in self.selection.periods:
                found |= dict.fromkeys(self._keys_of_first(metric_type, entity_type, period))
        return list(found)

    def _keys_of_first(self, metric_type: str, entity_type: str, period: str) -> list[str]:
        rows = self._selected(metric_type, period).filter(entity_type=entity_type).order_by("timestamp")
        return [key for value in rows.values_list("value_json", flat=True)[:1] for key in value]

    def samples(self, metric_type: str, key: str) -> Iterator[Sample]:
        """Yield the numbers under one key: by period, entity type, entity id and timestamp."""
        for period in self.selection.periods:
            found = self._selected(metric_type, period).order_by("entity_type", "entity_id", "timestamp")
            number = KeyTextTransform(key, "value_json")
            columns = ("entity_type", "entity_id", _EpochSeconds("timestamp"), number)
            for entity_type, entity_id, epoch_s, text in _streamed(found.values_list(*columns)):
                if text is not None and text[0] in NUMBER_BEGINS:  # not a word, such as a unit
                    yield Sample(str(entity_type), _id(entity_id), period, int(str(epoch_s)), text)

    def _rows(self, metric_type: str, period: str) -> Iterator[Row]:
        found = self._selected(metric_type, period).order_by("timestamp", "entity_type", "entity_id")
        columns = (
            "entity_type",
            "entity_id",
            _EpochMicroseconds("timestamp"),
            "value_json",
            _EpochMicroseconds("computed_at"),
        )
        for entity_type, entity_id, at, value, computed_at in _streamed(found.values_list(*columns)):
            about = (metric_type, str(entity_type), _id(entity_id), period)
            yield Row(*about, _instant(at), str(value), _instant(computed_at))

    def _selected(self, metric_type: str, period: str) -> QuerySet[Metric]:
        return Metric.objects.filter(
            metric_type=metric_type,
            period=period,
            entity_type__in=self._entity_types(metric_type),
            timestamp__gte=self.selection.start,
            timestamp__lt=self.selection.end,
        )

    def _entity_types(self, metric_type: str) -> list[str]:
        has = metric_types[metric_type].entities
        return [entity for entity in self.selection.entity_types if entity in has]


class _EpochSeconds(Func):
    template = "extract(epoch FROM %(expressions)s)::bigint"
    output_field = BigIntegerField()


class _EpochMicroseconds(Func):
    template = "(extract(epoch FROM %(expressions)s) * 1000000)::bigint"
    output_field = BigIntegerField()


def _streamed(query: "QuerySet[Metric, tuple[object, ...]]") -> Iterator[TextRow]:
    """Yield the rows of a query as texts."""
    # Composed here: with HMM_DEBUG=1, Django's cursor takes no parameters for a COPY.
    sql = mogrify(*query.query.sql_with_params(), connection)
    with (
        connection.cursor() as cursor,
        connection.wrap_database_errors,
        cursor.copy(f"COPY ({sql}) TO STDOUT") as copy,
    ):
        yield from copy.rows()


def _id(text: str | None) -> int | None:
    return None if text is None else int(text)


@lru_cache(maxsize=1024)
def _instant(microseconds: str | None) -> datetime:
    # Figures of the same period come one after the other, and those of one run were computed in the same instant.
    return EPOCH + timedelta(microseconds=int(str(microseconds)))
