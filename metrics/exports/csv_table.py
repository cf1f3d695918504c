"""CSV: one row a metric, the keys of `value_json` as columns, for spreadsheets."""

import csv
import json
from collections.abc import Iterator, Sequence
from typing import Any

from metrics.exports import exporters
from metrics.exports.base import Figures, Row, Setting, local_iso

BYTE_ORDER_MARK = "\ufeff"
"""Without it Excel reads UTF-8 as the code page of Windows. LibreOffice and pandas know it; Python: utf-8-sig."""

ABOUT = (
    "metric_type",
    "entity_type",
    "entity_id",
    "entity_name",
    "period",
    "timestamp",
    "computed_at",
    "source",
)

FORMULA_BEGINS = tuple("=+-@\t\r\n＝＋－＠")
"""What makes a spreadsheet take a text for a formula, in full width too, as Japanese Excel does."""

GUARD = "'"


class CsvTable:
    """A header, then one row a metric. A figure that is not known, or that a type has not, is an empty cell."""

    description = "a table for spreadsheets, one row a metric, UTF-8"

    def write(self, figures: Figures) -> Iterator[str]:
        """Yield the table line by line. Raises ValueError for a key that the first rows of its type had not."""
        keys = _columns(figures)
        line = csv.writer(_Echo()).writerow
        yield BYTE_ORDER_MARK + line([*ABOUT, *keys])
        for row in figures.rows():
            value = _texts(row.value)
            if not value.keys() <= keys.keys():
                raise ValueError(f"{row.metric_type} has keys without a column: {value.keys() - keys.keys()}")
            yield line([*_about(row, figures.setting), *map(value.get, keys)])


# Numbers stay as the database writes them: to make floats and texts of them again takes most of the time.
_texts = json.JSONDecoder(parse_float=str, parse_int=str).decode


def guarded(text: str) -> str:
    """Return a text that no spreadsheet takes for a formula: with an apostrophe before what could be one.

    Also before an apostrophe, so that taking one away gives every text back.
    """
    return GUARD + text if text.startswith((*FORMULA_BEGINS, GUARD)) else text


def unguarded(cell: str) -> str:
    """Return the text that `guarded` made a cell of."""
    return cell.removeprefix(GUARD)


class _Echo:
    """The "file" of csv.writer: gives each line back, as writerow's result."""

    def write(self, line: str) -> str:
        return line


def _columns(figures: Figures) -> dict[str, None]:
    found = (figures.keys(metric_type) for metric_type in figures.selection.types)
    return {key: None for keys in found for key in keys}


def _about(row: Row, setting: Setting) -> Sequence[Any]:
    name = setting.names.get((row.entity_type, row.entity_id))
    return (
        row.metric_type,
        row.entity_type,
        row.entity_id,
        guarded(name) if name else "",
        row.period,
        local_iso(row.timestamp, setting.zone),
        local_iso(row.computed_at, setting.zone),
        "store",
    )


exporters.register("csv", CsvTable())
