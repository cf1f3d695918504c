"""ckpool and whoever serves its files: solo.ckpool.org, its European instance, your own, NerdMiners.

`pool/pool.status` is three JSON objects, written anew each minute, and may be read torn. Hashrates are numbers with
an SI letter ("1.99G", "1e+03T"), in H/s. `accepted` and `rejected` there are sums of difficulty, of all users.
`users/ADDRESS` is one object; a user whom the pool does not know may be an HTTP 200 that says so.
"""

import json
from typing import Any

from hmm.door import Source
from hmm.lib.http import BadAnswer, Reply, explain_not_json
from pools.clients import clients
from pools.clients.base import PoolAndUser, json_object
from pools.clients.figures import MOST, Figures, Told

CKPOOL = Source("ckpool", fresh_s=60, pace_s=1)
STATUS = "/pool/pool.status"
OBJECTS = 3


def read_status(reply: Reply) -> dict[str, Any]:
    """Return the three objects of pool.status as one. Raises BadAnswer where it is torn, or something else."""
    parts = _objects(reply)
    merged: dict[str, Any] = {}
    for part in parts:
        if not isinstance(part, dict) or merged.keys() & part.keys():
            raise BadAnswer("pool.status is torn", 200)
        merged |= part
    if "error" in merged and "hashrate5m" not in merged:
        raise BadAnswer(f"the pool says: {str(merged['error'])[:200]}", 200)
    missing = {"runtime", "hashrate5m", "accepted"} - merged.keys()
    if missing:
        raise BadAnswer(f"pool.status is torn: {len(parts)} of {OBJECTS} objects", 200)
    return merged


def _objects(reply: Reply) -> list[Any]:
    text = reply.body.decode("utf-8", "replace").strip("\0 \t\r\n\ufeff")
    if "not found" in text[:200].lower():
        raise BadAnswer("not found: no pool.status there", 200)
    found: list[Any] = []
    decoder, at = json.JSONDecoder(parse_constant=_refuse), 0
    while at < len(text):
        try:
            part, at = decoder.raw_decode(text, at)
        except (ValueError, RecursionError) as error:
            raise BadAnswer(_explained(reply.body, len(found)), 200) from error
        found.append(part)
        while at < len(text) and text[at].isspace():
            at += 1
    if not found:
        raise BadAnswer("empty answer", 200)
    return found


def _refuse(name: str) -> None:
    raise ValueError(name)


def _explained(body: bytes, whole: int) -> str:
    reason = explain_not_json(body, "pool.status")
    return f"pool.status is torn: {whole} of {OBJECTS} objects" if "HTML" not in reason and whole else reason


def status_figures(reply: Reply) -> Figures:
    """Return the figures of pool.status. Raises BadAnswer."""
    told = Told(read_status(reply), "pool")
    return told.figures(
        "a pool.status",
        pool_hashrate_ghs=told.hashrate_ghs("hashrate5m"),
        pool_workers=told.count("Workers"),
        pool_users=told.count("Users"),
        accepted=told.count("accepted", most=MOST),
        rejected=told.count("rejected", most=MOST),
    )


def user_figures(reply: Reply) -> Figures:
    """Return the figures of a user's file. Raises BadAnswer."""
    told = Told(json_object(reply), "user")
    return told.figures(
        "a user of ckpool",
        hashrate_ghs=told.hashrate_ghs("hashrate5m"),
        hashrate_1h_ghs=told.hashrate_ghs("hashrate1hr"),
        hashrate_1d_ghs=told.hashrate_ghs("hashrate1d"),
        workers=told.count("workers"),
        best_difficulty=_best(told),
    )


def _best(told: Told) -> float | None:
    """Return the best share there ever was; `bestshare`, all that older pools tell, begins anew with each block."""
    found = [told.number(key) for key in ("bestever", "bestshare") if told.has(key)]
    known = [each for each in found if each is not None]
    return max(known) if known and len(known) == len(found) else None


class Ckpool(PoolAndUser):
    """A pool that serves ckpool's files."""

    name = "ckpool"
    base_url = "https://solo.ckpool.org"
    is_solo = True
    source = CKPOOL
    ends = (STATUS, "/users")
    pool_at = (STATUS, status_figures)
    user_at = ("/users/", user_figures)


clients.register(Ckpool.name, Ckpool())
