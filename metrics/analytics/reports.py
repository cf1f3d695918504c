"""The views of analytics, by the name that an address has for each."""

from collections.abc import Callable

from metrics.analytics.asked import Asked
from metrics.analytics.bands import bands
from metrics.analytics.calendar import calendar
from metrics.analytics.distribution import distributed
from metrics.analytics.ranking import ranking
from metrics.analytics.report import Here, Report
from metrics.analytics.series import series
from metrics.analytics.waterfall import waterfall

REPORTS: dict[str, Callable[[Asked, Here], Report]] = {
    "series": series,
    "calendar": calendar,
    "distribution": distributed,
    "ranking": ranking,
    "bands": bands,
    "waterfall": waterfall,
}
