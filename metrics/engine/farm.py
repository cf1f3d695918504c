"""Who was where, on which tariff and at which standing charge: what the engine and every reader must know."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import cached_property
from itertools import groupby
from typing import Any
from zoneinfo import ZoneInfo

from django.db import connection

from hmm.installation import installation
from metrics.engine.belonging import Span, overlapping, spans_of, tariff_spans_of
from metrics.engine.known import Known, this_database
from metrics.engine.standing import Charge, Standing

PARTS = """
'miner_sites', (SELECT jsonb_agg(jsonb_build_array(miner_id, start_date, site_id)) FROM miners_minersite),
'site_tariffs', (SELECT jsonb_agg(jsonb_build_array(site_id, start_date, tariff_id)) FROM miners_sitetariff),
'charges', (SELECT jsonb_agg(jsonb_build_array(tariff_id, start, "end", pence_per_day) ORDER BY start)
            FROM energy_standingcharge)
"""
"""The pairs of a JSON object that `farm_of` understands, for whoever reads more in the same query."""

READ_FARM = f"SELECT jsonb_build_object({PARTS})"

# Cheaper than the farm itself, which changes once in months. Where there is a row a miner, hashing numbers is three
# times as fast as hashing the row.
MOVE = "hashint8extended(site_id, hashint8extended(start_date - date '2000-01-01', miner_id))"
HASHED = {
    "miners_minersite": MOVE,
    "miners_sitetariff": "hash_record_extended(row, 0)",
    "energy_standingcharge": "hash_record_extended(row, 0)",
}
VERSION = "concat_ws(' ', {})".format(
    ", ".join(
        f"(SELECT count(*) || ':' || coalesce(sum({hashed}), 0) FROM {table} row)"
        for table, hashed in HASHED.items()
    )
)

FARM = f"""
(SELECT CASE WHEN version = %(farm)s THEN jsonb_build_object('version', version)
             ELSE jsonb_build_object('version', version, {PARTS}) END
 FROM (SELECT {VERSION} AS version) known)
"""
"""What `farm_now` understands: only its version where that is `%(farm)s`."""


@dataclass(frozen=True)
class Farm:
    """Every move of a miner to a site and of a site to a tariff, and every standing charge; days are those of `zone`.

    `version` tells it from any other, where it was read with one.
    """

    zone: ZoneInfo
    miner_sites: Sequence[tuple[int, date, int]]
    site_tariffs: Sequence[tuple[int, date, int]]
    charges: Sequence[Charge]
    version: str = ""

    def spans(self, start: datetime, end: datetime, miner_ids: Sequence[int] | None = None) -> list[Span]:
        """Return the spans of every miner, or of these, that overlap [start, end)."""
        if miner_ids is None:
            return overlapping(self._spans, start, end)
        mine = (span for miner_id in sorted(set(miner_ids)) for span in self._by_miner.get(miner_id, ()))
        return overlapping(mine, start, end)

    @cached_property
    def miner_count(self) -> int:
        """How many miners ever had a site."""
        return len({miner_id for miner_id, _, _ in self.miner_sites})

    @cached_property
    def _by_miner(self) -> Mapping[int, Sequence[Span]]:
        return {miner_id: list(spans) for miner_id, spans in groupby(self._spans, lambda span: span.miner_id)}

    @cached_property
    def _spans(self) -> list[Span]:
        return spans_of(self.miner_sites, self.site_tariffs, self.zone)

    @property
    def standing(self) -> Standing:
        """What says a site's standing charge."""
        return Standing(tariff_spans_of(self.site_tariffs, self.zone), self.charges, self.zone)


def read_farm(zone: ZoneInfo) -> Farm:
    """Return the farm as it is stored now. One query."""
    with connection.cursor() as cursor:
        cursor.execute(READ_FARM)
        return farm_of(json.loads(cursor.fetchone()[0]), zone)


_farms: Known[tuple[str, Farm]] = Known(8)
"""Each database's farm as this process has last read it, with its version."""


def farm_known() -> tuple[str, Farm | None]:
    """Return the farm that this process has read last, with its version; an empty one before the first."""
    return _farms.get(_where()) or ("", None)


def farm_now(raw: Mapping[str, Any], known: tuple[str, Farm | None]) -> Farm:
    """Return the farm that FARM gave to whoever asked with the version of `known`."""
    version, farm = known
    if farm is None or raw["version"] != version:
        farm = farm_of(raw, installation().zone)
        _farms.keep(_where(), (raw["version"], farm))
    return farm


def _where() -> tuple[tuple[str, ...], ZoneInfo]:
    return this_database(), installation().zone


def farm_of(raw: Mapping[str, Any], zone: ZoneInfo) -> Farm:
    """Return the farm that PARTS gave."""
    return Farm(
        zone,
        _moves(raw["miner_sites"]),
        _moves(raw["site_tariffs"]),
        [Charge(t, moment(a), moment(b) if b else None, float(p)) for t, a, b, p in raw["charges"] or []],
        raw.get("version", ""),
    )


def _moves(rows: list[Any] | None) -> list[tuple[int, date, int]]:
    return [(who, date.fromisoformat(since), where) for who, since, where in rows or []]


def moment(text: str) -> datetime:
    """Return the instant that PostgreSQL wrote into JSON."""
    return datetime.fromisoformat(text)
