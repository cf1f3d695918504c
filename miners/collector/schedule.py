"""When a miner is polled: at each mark of its interval, a little after it, the same little every time."""

SPREAD = 0.2
"""The part of an interval over which its miners are spread, so that they are not all asked at once."""

GOLDEN = 0.618033988749895
"""Multiples of it, without their whole part, lie evenly however many there are."""


def turn(now_s: float, miner_id: int, interval_s: int) -> int:
    """Return the number of the turn a miner is in at `now_s` (seconds since 1970).

    A miner is due when its turn is another one than that of its last poll, so a clock that is set, even
    back, costs a poll more or less and never leaves a miner unpolled.
    """
    return int((now_s - offset_s(miner_id, interval_s)) // interval_s)


def offset_s(miner_id: int, interval_s: int) -> float:
    """Return how long after the mark of its interval a miner is polled."""
    return miner_id * GOLDEN % 1 * SPREAD * interval_s
