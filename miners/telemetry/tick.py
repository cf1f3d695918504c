"""The short way into telemetry for a tick: one reading of each of many miners, newer than all that is stored of it.

Nearly all that a collector ever writes is of that kind. One statement (`tick_sql`) reads what was before, stores the
rows, keeps the latest readings and appends the dirty ranges. Its meaning is that of `miners.collector.figures` and of
`merge`, which take whatever it leaves; a test lays the two ways side by side.
"""

import logging
from collections.abc import Sequence
from dataclasses import astuple, dataclass, field
from typing import Any

from django.db import ProgrammingError, connection

from hmm.lib.binary_arrays import BinaryArray, Int4Array, binding_cursor, number_array, text_array
from hmm.lib.sqlstates import UNDEFINED_FUNCTION, sqlstate_of
from miners.telemetry.latest import hold_latest_readings
from miners.telemetry.tick_sql import CALL, COLUMNS, NAME, TICK

log = logging.getLogger(__name__)

FEW = 1000
"""Up to so many readings the function's plan, which is for few, takes less than planning for as many as there are."""

NEWS = """
UPDATE miners_latestreading l
SET mode = n.mode, firmware = n.firmware, pool_url = n.pool_url, pool_user = n.pool_user,
    frequency_mhz = n.frequency_mhz, core_voltage_mv = n.core_voltage_mv,
    warnings = n.warnings::jsonb, facts_digest = n.digest
FROM unnest(%s::int4[], %s::text[], %s::text[], %s::text[], %s::text[], %s::float8[], %s::float8[], %s::text[], %s::int8[])
    AS n (miner_id, mode, firmware, pool_url, pool_user, frequency_mhz, core_voltage_mv, warnings, digest)
WHERE l.miner_id = n.miner_id
"""


@dataclass
class TickColumns:
    """The readings of a tick, column by column: the n-th value of each is of the same miner.

    `at` is in whole seconds since 1970. `host` and `port` (−1: the driver's own) are as they were when the miner was
    asked. `state_no` counts from 1, in `states` and `reasons`: what a reading means where there is no maintenance.
    `tells` adds up what the device says of itself.
    """

    miner_id: list[int] = field(default_factory=list)
    at: list[int] = field(default_factory=list)
    host: list[str] = field(default_factory=list)
    port: list[int] = field(default_factory=list)
    power_w: list[float | None] = field(default_factory=list)
    hashrate_ghs: list[float | None] = field(default_factory=list)
    temperature_c: list[float | None] = field(default_factory=list)
    fan_rpm: list[int | None] = field(default_factory=list)
    accepted_counter: list[int | None] = field(default_factory=list)
    rejected_counter: list[int | None] = field(default_factory=list)
    uptime_s: list[int | None] = field(default_factory=list)
    facts_digest: list[int] = field(default_factory=list)
    state_no: list[int] = field(default_factory=list)
    tells: list[int] = field(default_factory=list)
    states: list[str] = field(default_factory=list)
    reasons: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Ticked:
    """How many rows a tick stored, and which miners need more than that.

    `odd` are in another state than the stored one, or tell what is not known of them; `with_news` say something
    else of mode, firmware or pool; `left` were not taken: they have moved, or there is a newer row.
    """

    stored: int
    odd: list[int]
    with_news: list[int]
    left: list[int]

    @property
    def needs_more(self) -> bool:
        return bool(self.odd or self.with_news or self.left)


@dataclass(frozen=True, slots=True)
class News:
    """What a device says beside its figures, and the digest of that; `warnings` is a JSON array."""

    miner_id: int
    mode: str
    firmware: str
    pool_url: str
    pool_user: str
    frequency_mhz: float | None
    core_voltage_mv: float | None
    warnings: str
    digest: int


class FunctionMissing(Exception):
    """The function of the tick is not there: another version of HMM has migrated the database since."""


_without_function: set[str] = set()
"""The databases in which it was missing."""


def store_tick(columns: TickColumns, held: Sequence[int]) -> Ticked:
    """Store the readings of a tick, in the running transaction.

    The values have been found believable, and their days have partitions. The latest readings of all miners in
    `held`, each once, are locked before until the transaction ends; those of the tick are among them. Raises
    FunctionMissing, which breaks the transaction; it is not raised again after `do_without_function`.
    """
    params = _params(columns, held)
    by_function = len(held) <= FEW and connection.settings_dict["NAME"] not in _without_function
    if by_function and (ticked := _call(params)):
        return ticked
    hold_latest_readings(held)
    with binding_cursor() as cursor:
        cursor.execute(TICK, params)
        return Ticked(*cursor.fetchone())


def do_without_function() -> None:
    """Send the statement itself from now on, which takes a little longer."""
    _without_function.add(connection.settings_dict["NAME"])
    log.warning("the database has no function %s: run manage.py migrate, and start HMM anew", NAME)


def _params(columns: TickColumns, held: Sequence[int]) -> dict[str, BinaryArray]:
    params: dict[str, BinaryArray] = {"held": number_array(Int4Array, held)}
    for name in ("host", "states", "reasons"):
        params[name] = text_array(getattr(columns, name))
    for name, kind in COLUMNS.items():
        params[name] = number_array(kind, getattr(columns, name))
    return params


def _call(params: dict[str, Any]) -> Ticked | None:
    """Call the function; None where it found that latest readings are missing, and did nothing."""
    try:
        with binding_cursor() as cursor:
            cursor.execute(CALL, params)
            found = cursor.fetchone()
    except ProgrammingError as error:
        if sqlstate_of(error) != UNDEFINED_FUNCTION:
            raise
        raise FunctionMissing(NAME) from error
    return Ticked(*found) if found else None


def store_news(news: Sequence[News]) -> None:
    """Keep what devices say beside their figures with their latest readings, in the running transaction."""
    if news:
        with connection.cursor() as cursor:
            cursor.execute(NEWS, [list(column) for column in zip(*map(astuple, news), strict=True)])
