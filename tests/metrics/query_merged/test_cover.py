"""Of which periods a range is read: the longest that are filled, without gap or overlap."""

from hypothesis import given
from hypothesis import strategies as st

from hmm.lib.buckets import Bucket
from metrics.engine.grid import Grid
from metrics.query.cover import LONGEST_FIRST, Segment, cover
from tests.metrics.query_merged.conftest import HOUR, LONDON
from tests.metrics.store_helpers import NOW, at


def test_a_long_range_is_read_from_long_periods():
    cut = Grid(LONDON, ((at("2009-01-03T00:00"), 1800),))
    marks = {"slot": NOW, "hourly": NOW, "daily": at("2026-05-31T23:00"), "monthly": at("2026-05-31T23:00")}
    stretch = Bucket(at("2026-01-30T10:30"), NOW)
    assert cover([stretch], LONGEST_FIRST, marks, cut) == [
        Segment("slot", at("2026-01-30T10:30"), at("2026-01-30T11:00")),
        Segment("hourly", at("2026-01-30T11:00"), at("2026-01-31T00:00")),
        Segment("daily", at("2026-01-31T00:00"), at("2026-02-01T00:00")),
        Segment("monthly", at("2026-02-01T00:00"), at("2026-05-31T23:00")),
        Segment("hourly", at("2026-05-31T23:00"), NOW),
    ]


@given(
    start=st.integers(0, 48 * 70),
    length=st.integers(1, 48 * 70),
    lag=st.tuples(*(st.integers(0, 48 * 9) for _ in range(4))),
)
def test_a_cover_is_without_gap_or_overlap(start, length, lag):
    cut = Grid(LONDON, ((at("2009-01-03T00:00"), 1800),))
    low = at("2025-02-20T00:00") + start * HOUR / 2
    high = low + length * HOUR / 2
    ends = sorted((high - n * HOUR / 2 for n in lag), reverse=True)
    marks = {
        p: cut.last_boundary(p, end)
        for p, end in zip(("slot", "hourly", "daily", "monthly"), ends, strict=True)
    }
    found = cover([Bucket(low, high)], LONGEST_FIRST, marks, cut)
    edges = [low, *(s.end for s in found)]
    assert [s.start for s in found] == edges[:-1]
    assert edges[-1] == max(low, min(high, max(marks.values())))
    for segment in found:
        assert segment.end <= marks[segment.period]
        assert cut.bucket_at(segment.period, segment.start).start == segment.start
        assert cut.last_boundary(segment.period, segment.end) == segment.end
