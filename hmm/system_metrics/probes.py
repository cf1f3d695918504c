"""Statistics that are looked up in one place of the house, in the database mostly: one query each."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from hmm.lib.registry import Registry
from hmm.system_metrics.base import Combine, Sample, Statistic

probes: "Registry[Probe]" = Registry("probe", "hmm.system_metrics.statistics")


@dataclass(frozen=True)
class Probe:
    """A statistic and its query, whose rows are (value, tags); a null value is none.

    The query may use %(since)s and %(until)s, the stretch of time since the last look. Where `elsewhere` is given, it
    tells the value in the query's place: what it is about is not in the database.
    """

    statistic: Statistic
    query: str
    elsewhere: Callable[[], float | None] | None = None


def probe(
    name: str,
    service: str,
    unit: str,
    help: str,
    query: str,
    combine: Combine = "sum",
    elsewhere: Callable[[], float | None] | None = None,
) -> Probe:
    """Declare a probe."""
    return probes.register(name, Probe(Statistic(name, unit, service, help, combine), query, elsewhere))


def look(cursor: Any, since: datetime, until: datetime) -> Iterator[Sample]:
    """Yield what every probe in the database says of the time from `since` to `until`. Raises what the database raises."""
    for each in probes:
        if each.elsewhere is not None:
            continue
        cursor.execute(each.query, {"since": since, "until": until})
        for value, tags in cursor.fetchall():
            if value is not None:
                yield Sample(each.statistic, float(value), json.loads(tags or "{}"))


def look_elsewhere() -> list[Sample]:
    """Return what the probes say that look elsewhere than in the database."""
    told = [(each.statistic, each.elsewhere()) for each in probes if each.elsewhere is not None]
    return [Sample(statistic, float(value)) for statistic, value in told if value is not None]
