"""JSON: one document, nested as in the API, one result a line."""

import json
from collections.abc import Iterator

from metrics.exports import exporters
from metrics.exports.base import Figures, Row, Setting


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
        "exported_at": selection.now.astimezone(setting.zone).isoformat(),
        "time_zone": setting.zone.key,
        "currency": setting.currency,
        "from": selection.start.astimezone(setting.zone).isoformat(),
        "to": selection.end.astimezone(setting.zone).isoformat(),
    }
    return f'{json.dumps(about)[:-1]}, "results": ['


def _result(row: Row, setting: Setting) -> str:
    about = {
        "metric_type": row.metric_type,
        "entity_type": row.entity_type,
        "entity_id": row.entity_id,
        "entity_name": setting.names.get((row.entity_type, row.entity_id)),
        "period": row.period,
        "timestamp": row.timestamp.astimezone(setting.zone).isoformat(),
        "computed_at": row.computed_at.astimezone(setting.zone).isoformat(),
        "source": "store",
    }
    return f'{json.dumps(about, ensure_ascii=False)[:-1]}, "value_json": {row.value}}}'


exporters.register("json", JsonDocument())
