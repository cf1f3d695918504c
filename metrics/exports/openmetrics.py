"""OpenMetrics text with timestamps, from which `promtool tsdb create-blocks-from openmetrics` makes a history."""

from collections.abc import Iterator
from itertools import groupby
from operator import attrgetter

from metrics.exports import exporters
from metrics.exports.base import Figures, Setting
from metrics.exports.families import Family, family_of
from metrics.types import metric_types

SERIES = attrgetter("entity_type", "entity_id", "period")


class OpenMetrics:
    """One family for each key of each metric, its samples together, each series in order of time.

    A sample stands at the beginning of its period, as in the store; its value is for the whole of it.
    """

    description = "OpenMetrics text with timestamps, for promtool tsdb create-blocks-from openmetrics"

    def write(self, figures: Figures) -> Iterator[str]:
        """Yield the document line by line."""
        for metric_type in figures.selection.types:
            for key in figures.keys(metric_type):
                yield from _family(figures, metric_type, key)
        yield "# EOF\n"


def _family(figures: Figures, metric_type: str, key: str) -> Iterator[str]:
    """Yield a family's description and samples; nothing for a key without any number."""
    metric, setting = metric_types[metric_type], figures.setting
    family = family_of(metric_type, metric.unit, key, setting.currency)
    described = False
    for series, samples in groupby(figures.samples(metric_type, key), key=SERIES):
        if not described:
            yield _description(family, f"{key} of {metric_type}, by period. {metric.description}")
            described = True
        head = family.name + _labels(*series, setting)
        exponent = f"e{family.exponent}" if family.exponent else ""
        yield from (f"{head} {sample.value}{exponent} {sample.epoch_s}\n" for sample in samples)


def _description(family: Family, text: str) -> str:
    unit = f"# UNIT {family.name} {family.unit}\n" if family.unit else ""
    return f"# HELP {family.name} {escaped(text)}\n# TYPE {family.name} gauge\n{unit}"


def _labels(entity_type: str, entity_id: int | None, period: str, setting: Setting) -> str:
    labels = f'entity_type="{entity_type}",period="{period}"'
    if entity_id is not None:
        name = setting.names.get((entity_type, entity_id), "")
        labels += f',entity_id="{entity_id}",entity_name="{escaped(name)}"'
    return f"{{{labels}}}"


def escaped(text: str) -> str:
    """Return a text as it is written in a label or after HELP."""
    return text.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")


exporters.register("prometheus", OpenMetrics())
