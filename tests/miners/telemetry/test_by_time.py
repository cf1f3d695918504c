"""The index by which everyone's rows of an hour are found."""

from datetime import UTC, datetime

import pytest
from django.db import connection

from miners.telemetry.partitions import ensure_partitions, partition_name

pytestmark = [pytest.mark.django_db, pytest.mark.native]


def test_a_new_day_has_the_index_too() -> None:
    day = datetime(2031, 3, 4, tzinfo=UTC)
    ensure_partitions(day, day.replace(hour=1))
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT indexdef FROM pg_indexes WHERE tablename = %s AND indexdef LIKE '%%USING brin%%'",
            [partition_name(day.date())],
        )
        found = [definition for (definition,) in cursor.fetchall()]
    assert len(found) == 1
    assert "autosummarize" in found[0]
