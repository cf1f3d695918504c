"""JSON: one document, nested as in the API, one result a line."""

import json
from collections.abc import Iterator
from functools import lru_cache

from metrics.exports import exporters
from metrics.exports.base import Figures, Row, Setting, local_iso


class JsonDocument:
    """`{"exported_at", "time_zone", "currency", "from", "to", "results": [...]}`, results as the API gives them."""

    description = "one JSON document, its results as the API gives them"

    def write(self, figures: Figures) -> Iterator[str]:
        """Yield the document, a piece a result."""
        yield _head(figures)
        comma = "\n"
        for row in figures.rows():
            yield comma + _result(row, figures.setting)
            comma = ",\n"
        yield "\n]}\n"


def _head(figures: Figures) -> str:
    selection, setting = figures.selection, figures.setting
    about = {
        "exported_at": local_iso(selection.now, setting.zone),
        "time_zone": setting.zone.key,
        "currency": setting.currency,
        "from": local_iso(selection.start, setting.zone),
        "to": local_iso(selection.end, setting.zone),
    }
    return f'{json.dumps(about)[:-1]}, "results": ['


def _result(row: Row, setting: Setting) -> str:
    name = setting.names.get((row.entity_type, row.entity_id))
    return (
        f"{_entity(row.metric_type, row.entity_type, row.entity_id, name, row.period)}"
        f', "timestamp": "{local_iso(row.timestamp, setting.zone)}"'
        f', "computed_at": "{local_iso(row.computed_at, setting.zone)}"'
        f', "source": "store", "value_json": {row.value}}}'
    )


@lru_cache(maxsize=8192)
def _entity(metric_type: str, entity_type: str, entity_id: int | None, name: str | None, period: str) -> str:
    about = {
        "metric_type": metric_type,
        "entity_type": entity_type,
        "entity_id": entity_id,
        "entity_name": name,
        "period": period,
    }
    return json.dumps(about, ensure_ascii=False)[:-1]


exporters.register("json", JsonDocument())
