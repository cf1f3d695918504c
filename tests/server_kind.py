"""Tests of one kind of server: marked `timescale` or `native`, and skipped loudly on the other kind."""

import pytest
from django.db import connection

from hmm.lib.timescale import is_hypertable

NO_TIMESCALE = (
    "NO TIMESCALEDB: the tests of hypertables were skipped. Run them on a server that has loaded it: "
    "make test DATABASE_URL=postgres://user:password@host:5432/name"
)
TIMESCALE = "TIMESCALEDB: the tests of native partitions were skipped, which this server has no need of"
LOUD = (NO_TIMESCALE, TIMESCALE)


@pytest.fixture(autouse=True)
def _server_kind(request: pytest.FixtureRequest) -> None:
    """Skip a test that is marked for the other kind of server."""
    wants_timescale = request.node.get_closest_marker("timescale") is not None
    if not wants_timescale and request.node.get_closest_marker("native") is None:
        return
    request.getfixturevalue("django_db_setup")
    with request.getfixturevalue("django_db_blocker").unblock(), connection.cursor() as cursor:
        has_timescale = is_hypertable(cursor, "telemetry")
    if wants_timescale != has_timescale:
        pytest.skip(NO_TIMESCALE if wants_timescale else TIMESCALE)


def say_loudly(terminalreporter: pytest.TerminalReporter) -> None:
    """Say at the end of a run which tests this kind of server has left out."""
    reasons = [str(report.longrepr) for report in terminalreporter.stats.get("skipped", [])]
    for text in LOUD:
        if count := sum(text in reason for reason in reasons):
            terminalreporter.write_line(f"\n{text} ({count})\n", red=True, bold=True)
