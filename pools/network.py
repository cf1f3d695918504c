"""The Bitcoin network: how hard a block is, and what it pays. From mempool.space, or from a node of your own."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

from django.conf import settings

from hmm.door import Source, ask
from hmm.lib.http import BadAnswer, Reply
from pools.coins.mempool import MEMPOOL

NODE = Source("bitcoin_node", fresh_s=60, pace_s=1)
FIRST_SUBSIDY_BTC = 50.0
HALVING_BLOCKS = 210_000
LATEST_HEIGHT = 10_000_000
MOST_BEHIND_BLOCKS = 144
"""A day of blocks whose headers a node knows, and not yet what is in them."""

GENESIS = datetime(2009, 1, 3, tzinfo=UTC)
MOST_DIFFICULTY = 1e20
CHANGE_PARTS = ("time", "height", "difficulty", "change")
LARGEST_LEAP = 1000.0
"""Each 2,016 blocks the difficulty changes fourfold at most; a list may leave some changes out."""

LONGEST_BETWEEN_CHANGES = timedelta(days=28)
INTERVALS = ((89, "3m"), (180, "6m"), (365, "1y"), (730, "2y"), (1095, "3y"))
"""Days, and what mempool.space calls that much of the past; without a name it tells all of it."""


@dataclass(frozen=True, slots=True, order=True)
class NetworkPoint:
    """From `since` on a block has this difficulty, and this height or more; `since` None is now."""

    since: datetime | None
    height: int
    difficulty: float

    @property
    def subsidy_btc(self) -> float:
        """What a block of this height pays, without fees."""
        return subsidy_btc(self.height)


def subsidy_btc(height: int) -> float:
    """Return what the block of `height` pays its finder, without fees: 50 BTC, halved each 210,000 blocks."""
    whole = int(FIRST_SUBSIDY_BTC * 1e8) >> (height // HALVING_BLOCKS) if height < 64 * HALVING_BLOCKS else 0
    return whole / 1e8


def network_points(now: datetime) -> list[NetworkPoint]:
    """Return what the network was, the latest last. Raises HttpError.

    mempool.space tells of three months of changes of difficulty, a node of your own only what is now.
    """
    if settings.BITCOIN_NODE_URL:
        return [from_node(settings.BITCOIN_NODE_URL)]
    return from_mempool(settings.MEMPOOL_BASE_URL, now)


def past_points(since: datetime, now: datetime) -> list[NetworkPoint]:
    """Return each change of difficulty from `since` on, and the one before, as mempool.space tells. Raises HttpError."""
    base, days = settings.MEMPOOL_BASE_URL.rstrip("/"), (now - since).days + LONGEST_BETWEEN_CHANGES.days
    interval = next((f"/{name}" for most, name in INTERVALS if days <= most), "")
    found = ask(
        MEMPOOL, f"{base}/api/v1/mining/difficulty-adjustments{interval}", lambda r: read_changes(r, now)
    ).value
    first = max((point.since for point in found if point.since and point.since <= since), default=since)
    return [point for point in found if point.since and point.since >= first]


def from_node(base_url: str) -> NetworkPoint:
    """Return what a Bitcoin Core node with `rest=1` says. Raises HttpError."""
    return ask(NODE, f"{base_url.rstrip('/')}/rest/chaininfo.json", read_chaininfo).value


def from_mempool(base_url: str, now: datetime) -> list[NetworkPoint]:
    """Return each change of difficulty of the last three months, and what is now. Raises HttpError."""
    base = base_url.rstrip("/")
    changes = ask(
        MEMPOOL, f"{base}/api/v1/mining/difficulty-adjustments/3m", lambda r: read_changes(r, now)
    ).value
    height = ask(MEMPOOL, f"{base}/api/blocks/tip/height", read_height).value
    last = changes[-1]
    return [*changes, NetworkPoint(None, max(height, last.height), last.difficulty)]


def read_chaininfo(reply: Reply) -> NetworkPoint:
    """Return what /rest/chaininfo.json says. Raises BadAnswer, also for a node that is still catching up."""
    told = reply.json()
    if not isinstance(told, dict):
        raise BadAnswer("answer is not a JSON object", 200)
    if told.get("chain") != "main":
        raise BadAnswer(f"the node is on the chain {str(told.get('chain'))[:40]!r}, not main", 200)
    if told.get("initialblockdownload") is True:
        raise BadAnswer("the node is still catching up", 200)
    height, headers = _height(told.get("blocks")), told.get("headers")
    if height == 0 or (isinstance(headers, int) and headers - height > MOST_BEHIND_BLOCKS):
        raise BadAnswer(f"the node is still catching up: it is at block {height}", 200)
    return NetworkPoint(None, height, _difficulty(told.get("difficulty")))


def read_changes(reply: Reply, now: datetime) -> list[NetworkPoint]:
    """Return [time, height, difficulty, change] rows in order of time.

    Raises BadAnswer unless each is whole and can follow on the one before it.
    """
    told = reply.json()
    if not isinstance(told, list) or not told:
        raise BadAnswer("answer is not a list of changes of difficulty", 200)
    found = sorted(_change(row, now) for row in told)
    for before, after in pairwise(found):
        if not _can_follow(before, after):
            raise BadAnswer(
                f"a difficulty of {after.difficulty:g} at {after.height} cannot follow {before.difficulty:g} at {before.height}",
                200,
            )
    return found


def _can_follow(before: NetworkPoint, after: NetworkPoint) -> bool:
    """Return whether these can be changes of one chain: it grows, and its difficulty makes no leaps."""
    leap = max(after.difficulty / before.difficulty, before.difficulty / after.difficulty)
    return after.height >= before.height and leap <= LARGEST_LEAP


def _change(row: Any, now: datetime) -> NetworkPoint:
    if not isinstance(row, list) or len(row) < len(CHANGE_PARTS):
        raise BadAnswer(f"a change of difficulty is {str(row)[:60]}", 200)
    return NetworkPoint(_moment(row[0], now), _height(row[1]), _difficulty(row[2]))


def _moment(told: Any, now: datetime) -> datetime:
    if (
        isinstance(told, int)
        and not isinstance(told, bool)
        and GENESIS.timestamp() <= told <= now.timestamp() + 7200
    ):
        return datetime.fromtimestamp(told, UTC)
    raise BadAnswer(f"a change of difficulty at {str(told)[:40]!r}", 200)


def _height(told: Any) -> int:
    if isinstance(told, int) and not isinstance(told, bool) and 0 <= told <= LATEST_HEIGHT:
        return told
    raise BadAnswer(f"a height of {str(told)[:40]!r}", 200)


def _difficulty(told: Any) -> float:
    if isinstance(told, int | float) and not isinstance(told, bool) and 1 <= told <= MOST_DIFFICULTY:
        return float(told)
    raise BadAnswer(f"a difficulty of {str(told)[:40]!r}", 200)


def read_height(reply: Reply) -> int:
    """Return the height that is the whole of a text. Raises BadAnswer."""
    text = reply.body.decode("utf-8", "replace").strip()
    if not text.isascii() or not text.isdigit():
        raise BadAnswer(f"a height of {text[:40]!r}", 200)
    return _height(int(text[:20]))
