"""What the simulated services say: a path and a time in, a status and a body out."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from math import cos, sin
from urllib.parse import parse_qs

from pools.coins.coingecko import IDS

Answer = tuple[int, str]

POUNDS = {"bitcoin": 81_000.0, "bitcoin-cash": 395.0, "digibyte": 0.0071}
"""About what each coin costs, by its name at CoinGecko."""

PER_POUND = {"gbp": 1.0, "eur": 1.16, "usd": 1.31}
BLOCK_S = 600
BLOCKS_A_CHANGE = 2016
FIRST_BLOCK_AT = datetime(2009, 1, 10, tzinfo=UTC)
CHANGE_S = BLOCK_S * BLOCKS_A_CHANGE
LONGEST_PAST = timedelta(days=365)
DIFFICULTY = 1.4e14
POOL_GHS = 4.2e8
USER_GHS = 166_000.0
NOT_FOUND = (404, '{"error": "not found"}')


def answer(path: str, query: str, now: datetime) -> Answer:
    """Return what is at `path`: (status, body)."""
    asked = {name: values[-1] for name, values in parse_qs(query).items()}
    for begin, told in PLACES:
        if path.startswith(begin):
            return told(path.removeprefix(begin), asked, now)
    return NOT_FOUND


def price(coin: str, currency: str, now: datetime) -> float:
    """Return what `coin` costs: it wanders by some per cent within hours and days."""
    days = now.timestamp() / 86400
    wander = 1 + 0.03 * sin(days * 0.7 + len(coin)) + 0.008 * cos(days * 9)
    return float(f"{POUNDS[coin] * PER_POUND[currency] * wander:.6g}")


def difficulty(change: int) -> float:
    """Return the difficulty after the change of that number, counted from the first block."""
    return DIFFICULTY * (1 + 0.05 * sin(change * 1.3))


def _height(now: datetime) -> int:
    return int((now - FIRST_BLOCK_AT).total_seconds() // BLOCK_S)


def _simple_price(_: str, asked: dict[str, str], now: datetime) -> Answer:
    coins = [coin for coin in asked.get("ids", "").split(",") if coin in POUNDS]
    currencies = [each for each in asked.get("vs_currencies", "").split(",") if each in PER_POUND]
    return _json({coin: {each: price(coin, each, now) for each in currencies} for coin in coins})


def _chart(rest: str, asked: dict[str, str], now: datetime) -> Answer:
    coin, _, what = rest.partition("/")
    currency = asked.get("vs_currency", "")
    if coin not in IDS.values() or what != "market_chart/range" or currency not in PER_POUND:
        return NOT_FOUND
    low, high = (datetime.fromtimestamp(int(asked.get(name, "0")), UTC) for name in ("from", "to"))
    if low < now - LONGEST_PAST:
        return 401, json.dumps({"error": {"status": {"error_code": 10012}}})
    hours = range(int(low.timestamp() // 3600) + 1, int(min(high, now).timestamp() // 3600) + 1)
    moments = [datetime.fromtimestamp(hour * 3600, UTC) for hour in hours]
    return _json({"prices": [[int(at.timestamp() * 1000), price(coin, currency, at)] for at in moments]})


def _prices(_: str, __: dict[str, str], now: datetime) -> Answer:
    costs = {each.upper(): round(price("bitcoin", each, now)) for each in PER_POUND}
    return _json({"time": int(now.timestamp())} | costs)


def _changes(_: str, __: dict[str, str], now: datetime) -> Answer:
    last = _height(now) // BLOCKS_A_CHANGE
    return _json([_change(number) for number in range(last, last - 28, -1)])


def _change(number: int) -> list[float]:
    at = int((FIRST_BLOCK_AT + number * timedelta(seconds=CHANGE_S)).timestamp())
    return [
        at,
        number * BLOCKS_A_CHANGE,
        difficulty(number),
        round(difficulty(number) / difficulty(number - 1), 5),
    ]


def _tip(_: str, __: dict[str, str], now: datetime) -> Answer:
    return 200, str(_height(now))


def _status(_: str, __: dict[str, str], now: datetime) -> Answer:
    run_s = int(now.timestamp()) % 86_400_000
    hashrates = {f"hashrate{span}": "420P" for span in ("1m", "5m", "15m", "1hr", "6hr", "1d", "7d")}
    work = {"diff": 12.5, "accepted": run_s * 97_000, "rejected": run_s * 600, "bestshare": 9_100_000_000}
    parts = [
        {"runtime": run_s, "lastupdate": int(now.timestamp()), "Users": 1204, "Workers": 3377},
        hashrates,
        work,
    ]
    return 200, "\n".join(json.dumps(part) for part in parts)


def _user(_: str, __: dict[str, str], now: datetime) -> Answer:
    tera = USER_GHS / 1000 * (1 + 0.02 * sin(now.timestamp() / 700))
    spans = {f"hashrate{span}": f"{tera:.3g}T" for span in ("1m", "5m", "1hr", "1d", "7d")}
    return _json(
        spans | {"workers": 14, "bestshare": 4_290_000_000.0, "bestever": 6_100_000_000, "worker": []}
    )


def _stats(_: str, __: dict[str, str], now: datetime) -> Answer:
    return _json({"hashrate": POOL_GHS * 1e9, "minersTotal": 812, "now": int(now.timestamp())})


def _account(_: str, __: dict[str, str], now: datetime) -> Answer:
    hashrate = USER_GHS * 1e9 * (1 + 0.02 * cos(now.timestamp() / 900))
    workers = {
        "currentHashrate": hashrate,
        "hashrate": USER_GHS * 1e9,
        "workersOnline": 14,
        "workersTotal": 14,
    }
    return _json(workers | {"stats": {"lastShare": int(now.timestamp()) - 7}})


def _json(value: object) -> Answer:
    return 200, json.dumps(value)


PLACES: tuple[tuple[str, Callable[[str, dict[str, str], datetime], Answer]], ...] = (
    ("/api/v3/simple/price", _simple_price),
    ("/api/v3/coins/", _chart),
    ("/api/v1/prices", _prices),
    ("/api/v1/mining/difficulty-adjustments", _changes),
    ("/api/blocks/tip/height", _tip),
    ("/pool/pool.status", _status),
    ("/users/", _user),
    ("/api/stats", _stats),
    ("/api/accounts/", _account),
)
"""Where each thing is: CoinGecko's, mempool.space's, ckpool's and SoloPool's paths, which do not overlap."""
