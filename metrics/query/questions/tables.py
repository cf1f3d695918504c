"""Answers for the eye: what all rows share is said once, above a table whose columns are the other keys."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table

from hmm.lib.units import UNKNOWN
from metrics.query.questions.base import Row

MOST_COLUMNS = 14
LEFT_OUT = ("computed_at",)


def table_of(rows: Sequence[Row], zone: ZoneInfo) -> RenderableType:
    """Return the rows as a table: times in `zone`, what is not known as a dash; one wide row as a line a key."""
    one_kind = len({tuple(sorted(row.get("value_json", ()))) for row in rows if "value_json" in row}) <= 1
    flat = [{key: value for key, value in _flat(row, one_kind) if key not in LEFT_OUT} for row in rows]
    columns = list(dict.fromkeys(key for row in flat for key in row))
    if len(flat) == 1:
        return _wide(flat, columns, zone) if len(columns) <= MOST_COLUMNS else _tall(flat[0], zone)
    shared = [c for c in columns if all(c in row and row[c] == flat[0][c] for row in flat)]
    said = " · ".join(f"{_title(c)} {_text(flat[0][c], zone)}" for c in shared)
    return Group(said, _wide(flat, [c for c in columns if c not in shared], zone))


def _wide(rows: Sequence[Row], columns: Sequence[str], zone: ZoneInfo) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for column in columns:
        is_number = any(_is_number(row.get(column)) for row in rows)
        table.add_column(_title(column), justify="right" if is_number else "left")
    for row in rows:
        table.add_row(*(_text(row.get(column), zone) for column in columns))
    return table


def _tall(row: Row, zone: ZoneInfo) -> Table:
    table = Table(box=None, pad_edge=False, show_header=False)
    for key, value in row.items():
        table.add_row(_title(key), _text(value, zone))
    return table


def _title(key: str) -> str:
    return key.replace("_", " ")


def _flat(row: Row, one_kind: bool, of: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in row.items():
        name = f"{of} {key}".strip()
        if key == "value_json" and one_kind:
            yield from value.items()
        elif isinstance(value, dict) and key != "value_json":
            yield from _flat(value, one_kind, name)
        else:
            yield ("figures" if key == "value_json" else name), value


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _text(value: Any, zone: ZoneInfo) -> str:
    if value is None or value == "":
        return UNKNOWN
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, datetime):
        return value.astimezone(zone).strftime("%Y-%m-%d %H:%M %z")
    if isinstance(value, float):
        return f"{value:,.4f}".rstrip("0").rstrip(".") if abs(value) < 1000 else f"{value:,.1f}"
    if isinstance(value, list | tuple):
        return "; ".join(_text(each, zone) for each in value)
    if isinstance(value, dict):
        return ", ".join(f"{_title(key)} {_text(each, zone)}" for key, each in value.items())
    return str(value)
