"""The miners' recurring jobs."""

from hmm.models import JobRun
from miners.tasks import compress_telemetry, make_partitions


def test_partitions_are_made_a_week_ahead_once(db: None) -> None:
    assert make_partitions() <= 8
    assert make_partitions() == 0


def test_compressing_nothing_is_recorded_as_that(db: None) -> None:
    assert compress_telemetry() == 0
    assert JobRun.objects.get(name="compress_telemetry").success
