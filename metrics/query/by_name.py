"""Slots of every miner in the order that people read them: by time, then by the miners' names."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.utils import timezone

from hmm.installation import installation
from hmm.replica.route import connection
from metrics.query.prepared import prepared_state
from metrics.query.ranges import open_metrics
from metrics.types import metric_types
from miners.models import Miner

Place = tuple[datetime, int]
"""Where a page ended: the start of the slot and the miner's id."""

STORED = """
SELECT r.timestamp, r.entity_id, miner.name, jsonb_build_object({values})
FROM metrics_rollup r JOIN miners_miner miner ON miner.id = r.entity_id
WHERE r.entity_type = 'miner' AND r.period = 'slot' AND r.timestamp >= %(start)s AND r.timestamp < %(end)s {behind}
ORDER BY r.timestamp, miner.name_key, miner.name LIMIT %(limit)s
"""

BEHIND = """
AND r.timestamp >= %(at)s AND (r.timestamp > %(at)s OR (miner.name_key, miner.name) > (
    SELECT name_key, name FROM miners_miner WHERE id = %(miner_id)s))
"""

BACK = """
SELECT r.timestamp, r.entity_id
FROM metrics_rollup r JOIN miners_miner miner ON miner.id = r.entity_id
WHERE r.entity_type = 'miner' AND r.period = 'slot' AND r.timestamp >= %(start)s AND r.timestamp <= %(at)s
  AND (r.timestamp < %(at)s OR (miner.name_key, miner.name) <= (
      SELECT name_key, name FROM miners_miner WHERE id = %(miner_id)s))
ORDER BY r.timestamp DESC, miner.name_key DESC, miner.name DESC OFFSET %(count)s LIMIT 1
"""


@dataclass(frozen=True, slots=True)
class SlotOfMiner:
    """What one miner did in the slot that begins at `start`: its `value_json` by metric type."""

    start: datetime
    miner_id: int
    miner_name: str
    figures: dict[str, dict[str, Any]]
    is_open: bool

    @property
    def place(self) -> Place:
        """Where it stands."""
        return (self.start, self.miner_id)


class SlotsByName:
    """The slots that begin in [start, end), of every miner that has a row there, as far as `now`; the open one is live.

    Raises NotComputedYet. Each call has as many queries however many miners there are.
    """

    def __init__(
        self, types: Sequence[str], start: datetime, end: datetime, now: datetime | None = None
    ) -> None:
        self.types, self.start, self.end, self.now = types, start, end, now or timezone.now()
        self.opened = prepared_state("slot", start, end, self.now).cut.bucket_at("slot", self.now)

    def page(self, after: Place | None, limit: int) -> list[SlotOfMiner]:
        """Return at most `limit` of them, from behind `after` on."""
        found = self._stored(after, limit)
        return [*found, *self._live(after)][:limit] if len(found) < limit else found

    def back(self, after: Place, count: int) -> Place | None:
        """Return the place that lies `count` lines before that one, None where there are not so many."""
        live = [row.place for row in self._live(None)] if after[0] >= self.opened.start else []
        if after in live:
            place = live.index(after)
            if place >= count:
                return live[place - count]
            return self._back((self.opened.start, 0), count - place - 1)
        return self._back(after, count)

    def _stored(self, after: Place | None, limit: int) -> list[SlotOfMiner]:
        values = (
            f"'{name}', {metric_types[name].value_json(installation().currency)}" for name in self.types
        )
        sql = STORED.format(values=", ".join(values), behind=BEHIND if after else "")
        at, miner_id = after or (None, None)
        span = {"start": self.start, "end": min(self.end, self.opened.start)}
        with connection.cursor() as cursor:
            cursor.execute(sql, {**span, "at": at, "miner_id": miner_id, "limit": limit})
            return [
                SlotOfMiner(s, pk, name, json.loads(told), False) for s, pk, name, told in cursor.fetchall()
            ]

    def _live(self, after: Place | None) -> Iterator[SlotOfMiner]:
        start = self.opened.start
        if not self.start <= start < self.end:
            return
        rows = open_metrics(self.types, period="slot", entity_type="miner", now=self.now)
        ids = [pk for pk in (*rows, after and after[1]) if pk is not None]
        named = list(Miner.objects.filter(pk__in=ids).order_by("name_key", "name").values_list("pk", "name"))
        order = [pk for pk, _ in named]
        first = order.index(after[1]) + 1 if after and after[0] >= start and after[1] in order else 0
        for pk, name in named[first:]:
            if pk in rows:
                told = {metric_type: row.value_json for metric_type, row in rows[pk].items()}
                yield SlotOfMiner(start, pk, name, told, True)

    def _back(self, after: Place, count: int) -> Place | None:
        asked: dict[str, Any] = {"start": self.start, "at": after[0], "miner_id": after[1], "count": count}
        with connection.cursor() as cursor:
            cursor.execute(BACK, asked)
            found: Place | None = cursor.fetchone()
        return found
