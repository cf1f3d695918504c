"""The metrics in words, made from the registry: docs/metrics.md is what this returns."""

from metrics.types import metric_types
from metrics.types.base import MINOR, MetricType

HEAD = """# The metrics

Made from the registry by `manage.py describe_metrics > docs/metrics.md`; a test holds the two together.

Each `value_json` also has `records`, the readings whose interval begins in the period, and `coverage`, 0 to 1: the
seconds of that quantity that are known over the seconds that have passed, for a site and the system over those
seconds × the miners that have data. A period that is still open says `"partial": true`, and its elapsed time ends
now. A figure that cannot be formed is null. Formulas are SQL over the columns of the store.
"""


def describe(currency: str = "GBP") -> str:
    """Return the documentation of every metric type as Markdown, with the keys of `currency`."""
    return "\n".join([HEAD, *(_section(metric, currency) for metric in metric_types)])


def _section(metric: MetricType, currency: str) -> str:
    words = {"money": currency.lower(), "minor": MINOR[currency]}
    lines = [
        f"## {metric.name} ({metric.unit})",
        "",
        metric.description,
        "",
        f"For: {', '.join(metric.entities)}.",
        "",
    ]
    for title, keys in (("Key", metric.miner), ("Key, for a site and the system", metric.fleet)):
        if keys:
            lines += [f"| {title} | Formula |", "| --- | --- |"]
            lines += [f"| `{key.format(**words)}` | `{sql}` |" for key, sql in keys.items()]
            lines.append("")
    return "\n".join(lines)
