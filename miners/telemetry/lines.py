"""One line of a telemetry file, from text to checked values. Pure; every refusal says what is wrong."""

import json
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from hmm.lib.magnitude import vanishes
from hmm.lib.times import offset_refusal
from miners.telemetry.rules import (
    BOUNDS,
    FIRST_BLOCK,
    MAX_AHEAD,
    is_possible,
    time_refusal,
    value_refusal,
)

COLUMNS = (
    "miner",
    "timestamp",
    "power_w",
    "hashrate_ghs",
    "temperature_c",
    "fan_rpm",
    "accepted",
    "rejected",
    "covered_s",
)
REQUIRED = COLUMNS[:-1]
KEYS = COLUMNS[:2]
"""What a row of JSON cannot do without; of the others it leaves out what the device does not say."""

VALUES = ("covered_s", *REQUIRED[2:])
WHOLE = ("fan_rpm", "accepted", "rejected", "covered_s")
EARLIEST = int(FIRST_BLOCK.timestamp())


class LineRefused(ValueError):
    """A line that cannot be imported, and why."""


class Line(NamedTuple):
    """What a line says. `at` is in whole seconds since 1970, UTC; None is what it leaves empty."""

    miner: str
    at: int
    covered_s: int | None
    power_w: float | None
    hashrate_ghs: float | None
    temperature_c: float | None
    fan_rpm: int | None
    accepted: int | None
    rejected: int | None


def csv_parser(header: Sequence[str], now: datetime) -> Callable[[Sequence[str]], Line]:
    """Return what turns the cells of a line under `header` into a Line.

    Raises LineRefused when a column is missing, unknown or there twice.
    """
    names = [name.strip() for name in header]
    check_columns(names)
    width, latest = len(names), latest_second(now)
    miner, timestamp = names.index("miner"), names.index("timestamp")
    places = [(names.index(name) if name in names else None, _text_reader(name)) for name in VALUES]

    def parse(cells: Sequence[str]) -> Line:
        if len(cells) != width:
            raise LineRefused(f"has {len(cells)} cells, the header has {width}")
        numbers = [
            read(cells[place]) if place is not None and cells[place] else None for place, read in places
        ]
        return Line(_name(cells[miner]), _instant(cells[timestamp].strip(), now, latest), *numbers)  # type: ignore[arg-type]

    return parse


def json_parser(now: datetime) -> Callable[[str], Line]:
    """Return what turns a line of JSON, an object with the columns as keys, into a Line."""
    of_object = object_parser(now)

    def parse(text: str) -> Line:
        return of_object(_json_object(text))

    return parse


def object_parser(now: datetime) -> Callable[[dict[str, Any]], Line]:
    """Return what turns an object with the columns as keys into a Line."""
    latest = latest_second(now)

    def parse(found: dict[str, Any]) -> Line:
        check_keys(found)
        numbers = [_from_json(name, found.get(name)) for name in VALUES]
        return Line(_name(found["miner"]), _instant(found["timestamp"], now, latest), *numbers)  # type: ignore[arg-type]

    return parse


def check_keys(found: dict[str, Any]) -> None:
    """Raise LineRefused unless the keys are columns, among them KEYS and one at least that tells something."""
    check_columns(list(found), needed=KEYS)
    if len(found) == len(KEYS):
        raise LineRefused(f"tells nothing; the columns are {','.join(REQUIRED)}[,covered_s]")


def check_columns(given: Sequence[str], *, needed: Sequence[str] = REQUIRED) -> None:
    """Raise LineRefused unless `given` are columns of telemetry, each once, among them those that are `needed`."""
    faults = (
        ("has no column", [name for name in needed if name not in given]),
        ("has an unknown column", [name for name in given if name not in COLUMNS]),
        ("has twice the column", sorted({name for name in given if given.count(name) > 1})),
    )
    for what, which in faults:
        if which:
            raise LineRefused(
                f"{what} {', '.join(map(repr, which))}; the columns are {','.join(REQUIRED)}[,covered_s]"
            )


def _json_object(text: str) -> dict[str, Any]:
    try:
        found = json.loads(text, object_pairs_hook=_once)
    except LineRefused:
        raise
    except (ValueError, RecursionError) as error:
        raise LineRefused(f"is not JSON: {error}") from None
    if not isinstance(found, dict):
        raise LineRefused("is not a JSON object")
    return found


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        check_columns([name for name, _ in pairs], needed=KEYS)
    return found


def name_refusal(name: str) -> str | None:
    """Return why `name` cannot be that of a miner, or None."""
    if not name:
        return "miner is empty"
    if len(name) > 100 or not name.isprintable() or name != name.strip():
        return f"miner {name[:40]!r} is no name: at most 100 printable characters"
    return None


def _name(found: Any) -> str:
    if not isinstance(found, str):
        raise LineRefused(f"miner {found!r} is not a name")
    if reason := name_refusal(found.strip()):
        raise LineRefused(reason)
    return found.strip()


def _instant(found: Any, now: datetime, latest: int) -> int:
    try:
        moment = datetime.fromisoformat(found)
    except (ValueError, TypeError):
        raise LineRefused(f"timestamp {found!r} is not ISO 8601, such as 2026-03-01T12:00:00Z") from None
    if moment.tzinfo is None:
        raise LineRefused(f"timestamp {found!r} has no UTC offset; write {found}Z or {found}+01:00")
    if wrong := offset_refusal(moment):
        raise LineRefused(f"timestamp {found!r} {wrong}")
    at = int(moment.timestamp())
    if not EARLIEST <= at <= latest:
        raise LineRefused(time_refusal(moment, now) or "timestamp is out of range")
    return at


def _text_reader(name: str) -> Callable[[str], float | None]:
    low, high = BOUNDS[name]
    convert: Callable[[str], float] = int if name in WHOLE else float

    def read(text: str) -> float | None:
        try:
            value = convert(text)
            if low <= value <= high and "_" not in text and not vanishes(value):
                return value
        except ValueError:
            pass
        return _carefully(name, text.strip())

    return read


def _carefully(name: str, text: str) -> float | None:
    if not text:
        return None
    try:
        value = float(text)
    except ValueError:
        value = None
    if value is None or "_" in text:
        raise LineRefused(f"{name} {text[:40]!r} is not a number")
    return _checked(name, value)


def _from_json(name: str, found: Any) -> float | int | None:
    if found is None:
        return None
    if isinstance(found, bool) or not isinstance(found, int | float):
        raise LineRefused(f"{name} {str(found)[:40]!r} is not a number")
    return _checked(name, found)


def _checked(name: str, value: float) -> float | int:
    if not is_possible(name, value):
        raise LineRefused(value_refusal(name, value) or "")
    if name not in WHOLE:
        return float(value)
    if value != int(value):
        raise LineRefused(f"{name} {value} is not a whole number")
    return int(value)


def latest_second(now: datetime) -> int:
    """Return the last second since 1970 at which a row can be believed at the time `now`."""
    return int((now + MAX_AHEAD).timestamp())
