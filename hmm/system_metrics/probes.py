"""Statistics that are looked up in the database, in one place of the house: one query each."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from hmm.lib.registry import Registry
from hmm.system_metrics.base import Combine, Sample, Statistic

probes: "Registry[Probe]" = Registry("probe", "hmm.system_metrics.statistics")


@dataclass(frozen=True)
class Probe:
    """A statistic and its query, whose rows are (value, tags); a null value is none.

    The query may use %(since)s and %(until)s, the stretch of time since the last look.
    """

    statistic: Statistic
    query: str


def probe(name: str, service: str, unit: str, help: str, query: str, combine: Combine = "sum") -> Probe:
    """Declare a probe."""
    return probes.register(name, Probe(Statistic(name, unit, service, help, combine), query))


def look(cursor: Any, since: datetime, until: datetime) -> Iterator[Sample]:
    """Yield what every probe says of the time from `since` to `until`. Raises what the database raises."""
    for each in probes:
        cursor.execute(each.query, {"since": since, "until": until})
        for value, tags in cursor.fetchall():
            if value is not None:
                yield Sample(each.statistic, float(value), json.loads(tags or "{}"))
