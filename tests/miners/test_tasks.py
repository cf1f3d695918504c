"""The miners' recurring jobs."""

from miners.tasks import make_partitions


def test_partitions_are_made_a_week_ahead_once(db: None) -> None:
    assert make_partitions() <= 8
    assert make_partitions() == 0
