"""Pool clients on real sockets: figures right, or left out with a warning, or refused; never wrong."""

import contextlib
import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hmm.lib.http import BadAnswer, Reply
from hmm.lib.sockets import Deadline
from pools.clients import clients
from pools.clients.base import Account, PoolError, PoolReport
from pools.clients.ckpool import read_status
from pools.clients.figures import Told
from tests.miners.drivers.servers import closed_port, dripping_device
from tests.pools.servers import STATUS, USER, web_pool


def report(name: str, replies: dict, user: str = "bc1q.rig", token: str = "", end: str = "") -> PoolReport:
    with web_pool(replies) as pool:
        return clients[name].report(
            f"http://127.0.0.1:{pool.port}{end}", Account(user, token), Deadline.after(20), use_cache=False
        )


def refusal(name: str, replies: dict, user: str = "bc1q") -> str:
    with pytest.raises(PoolError) as caught:
        report(name, replies, user)
    assert caught.value.step == "http"
    return caught.value.reason


def figures(told: PoolReport) -> dict:
    shown = {name: getattr(told, name) for name in PoolReport.__slots__}
    return {
        k: v
        for k, v in shown.items()
        if v is not None and k not in ("response_time_ms", "age_s", "stale", "unknown")
    }


class TestCkpool:
    def test_pool_and_user_are_read(self):
        told = report("ckpool", {"/pool/pool.status": STATUS, "/users/bc1q": USER})
        assert figures(told) == {
            "hashrate_ghs": 1050.0,
            "hashrate_1h_ghs": 990.0,
            "hashrate_1d_ghs": 1000.0,
            "workers": 2,
            "best_difficulty": 99000.0,
            "pool_hashrate_ghs": 1e6,
            "pool_workers": 34,
            "pool_users": 12,
            "accepted": 9900,
            "rejected": 100,
            "warnings": (),
        }
        assert told.response_time_ms > 0

    def test_the_whole_address_of_a_status_will_do(self):
        assert (
            report("ckpool", {"/pool/pool.status": STATUS}, user="", end="/pool/pool.status").pool_users == 12
        )

    @pytest.mark.parametrize("cut", [1, 105, 250, len(STATUS) - 2])
    def test_a_torn_status_is_refused(self, cut):
        reason = refusal("ckpool", {"/pool/pool.status": STATUS[:cut]}, user="")
        assert reason.startswith("pool.status is torn" if cut > 102 else "JSON cut off")

    def test_a_status_of_two_writings_is_refused(self):
        assert (
            refusal("ckpool", {"/pool/pool.status": STATUS + STATUS[:101]}, user="") == "pool.status is torn"
        )

    @pytest.mark.parametrize(
        ("body", "reason"),
        [
            (b"<html><body>Bad gateway</body></html>", "answers HTML, not pool.status"),
            (b"", "empty answer"),
            (b"404 not found", "not found: no pool.status there"),
            (b'{"error": "rate limited"}', "the pool says: rate limited"),
            (b"null", "pool.status is torn"),
            (STATUS.replace(b"9900", b"NaN"), "pool.status is torn: 2 of 3 objects"),
        ],
    )
    def test_what_is_no_status_is_refused(self, body, reason):
        assert refusal("ckpool", {"/pool/pool.status": body}, user="") == reason

    @pytest.mark.parametrize("miss", [404, {"error": "User not found"}, b"Not found", b"[]", {}])
    def test_an_unknown_user_is_a_warning_beside_the_pools_figures(self, miss):
        told = report("ckpool", {"/pool/pool.status": STATUS, "/users/bc1q": miss})
        assert told.pool_users == 12
        assert told.hashrate_ghs is None
        assert told.warnings[0].startswith("user: ")

    def test_a_user_counts_without_the_pools_status(self):
        told = report("ckpool", {"/pool/pool.status": 503, "/users/bc1q": USER})
        assert told.hashrate_ghs == 1050
        assert told.warnings == ("pool: answers HTTP 503 (Oh)",)

    @pytest.mark.parametrize("odd", ["fast", "-1T", "1e+999T", None, True, [1], "9e30", "NaN"])
    def test_an_odd_hashrate_is_left_out(self, odd):
        told = report("ckpool", {"/pool/pool.status": STATUS, "/users/bc1q": {**USER, "hashrate5m": odd}})
        assert told.hashrate_ghs is None
        assert told.hashrate_1h_ghs == 990
        assert len(told.warnings) == 1

    @pytest.mark.parametrize(
        ("told", "best"),
        [
            ({"bestshare": 9.5}, 9.5),
            ({"bestshare": 9.5, "bestever": 400}, 400),
            ({"bestshare": 9.5, "bestever": None}, None),
            ({"bestshare": "?", "bestever": 400}, None),
        ],
    )
    def test_the_best_share_of_the_block_does_not_pass_for_the_best_ever(self, told, best):
        user = {"hashrate5m": "1T", **told}
        assert report("ckpool", {"/pool/pool.status": STATUS, "/users/bc1q": user}).best_difficulty == best

    def test_a_number_may_be_written_as_one(self):
        assert (
            report(
                "ckpool", {"/pool/pool.status": STATUS, "/users/bc1q": {**USER, "hashrate5m": 5e9}}
            ).hashrate_ghs
            == 5
        )

    @settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(body=st.binary(max_size=300) | st.text(max_size=300).map(str.encode))
    def test_any_bytes_are_a_status_or_a_bad_answer(self, body):
        with contextlib.suppress(BadAnswer):
            assert "accepted" in read_status(Reply(body, ""))

    @given(cut=st.integers(0, len(STATUS) - 3))
    def test_no_piece_of_a_status_passes_for_one(self, cut):
        with pytest.raises(BadAnswer):
            read_status(Reply(STATUS[:cut], ""))


SOLO_ACCOUNT = {
    "currentHashrate": 1050000000000,
    "hashrate": "990000000000",
    "workersOnline": 2,
    "workersTotal": 3,
    "stats": {"balance": 312500000, "blocksFound": 1},
    "workers": {"rig": {"hr": 1, "offline": False}},
}


def test_solopool_is_read():
    told = report(
        "solopool", {"/api/stats": {"hashrate": 2e15, "minersTotal": 9}, "/api/accounts/bc1q": SOLO_ACCOUNT}
    )
    assert figures(told) == {
        "hashrate_ghs": 1050.0,
        "hashrate_1h_ghs": 990.0,
        "workers": 2,
        "blocks_found": 1,
        "pool_hashrate_ghs": 2e6,
        "pool_users": 9,
        "warnings": (),
    }


def test_solopools_other_answers_are_refused():
    assert (
        "not an account of SoloPool"
        in report("solopool", {"/api/stats": {"hashrate": 1}, "/api/accounts/bc1q": {"ok": 1}}).warnings[0]
    )
    assert "not SoloPool's stats" in refusal("solopool", {"/api/stats": {"error": None}}, user="")


PUBLIC_USER = {
    "bestDifficulty": "4.057958877731942",
    "workersCount": 2,
    "workers": [
        {"name": "a", "hashRate": 480000000000, "bestDifficulty": "1.00"},
        {"name": "b", "hashRate": "520000000000"},
    ],
}


class TestPublicPool:
    pool = {"totalHashRate": 1e15, "blockHeight": 907213, "totalMiners": 2, "blocksFound": [], "fee": 0}

    def read(self, user) -> PoolReport:
        return report("public_pool", {"/api/pool": self.pool, "/api/client/bc1q": user})

    def test_hashrates_of_workers_are_added_up(self):
        told = self.read(PUBLIC_USER)
        assert (told.hashrate_ghs, told.workers, told.pool_hashrate_ghs, told.blocks_found) == (
            1000.0,
            2,
            1e6,
            0,
        )
        assert told.best_difficulty == 4.057958877731942

    @pytest.mark.parametrize(
        "workers", [PUBLIC_USER["workers"][:1], [{"name": "a"}, {"hashRate": 1}], [{"hashRate": "x"}, 7]]
    )
    def test_part_of_a_sum_is_no_sum(self, workers):
        told = self.read({**PUBLIC_USER, "workers": workers})
        assert told.hashrate_ghs is None
        assert told.warnings

    def test_nobody_at_work_is_nothing(self):
        assert self.read({"bestDifficulty": 0, "workersCount": 0, "workers": []}).hashrate_ghs == 0

    def test_a_user_without_workers_in_it_is_none(self):
        assert "lists no workers" in self.read({"statusCode": 200}).warnings[0]


BRAIINS = {
    "hash_rate_unit": "Gh/s",
    "hash_rate_5m": 27978,
    "hash_rate_60m": "28191.5",
    "hash_rate_24h": None,
    "ok_workers": 2,
    "current_balance": "0.15000000",
}
PROFILE, STATS = "/accounts/profile/json/btc/", "/stats/json/btc/"


class TestBraiins:
    @pytest.fixture(autouse=True)
    def _quick(self, monkeypatch):
        from dataclasses import replace

        from pools.clients import braiins

        assert braiins.BRAIINS.pace_s == 5
        monkeypatch.setattr(braiins, "BRAIINS", replace(braiins.BRAIINS, name="braiins in tests", pace_s=0))

    def read(self, **changes) -> PoolReport:
        return report("braiins", {PROFILE: {"username": "u", "btc": BRAIINS | changes}}, token="secret")

    def test_texts_and_numbers_are_read(self):
        assert figures(self.read()) == {
            "hashrate_ghs": 27978.0,
            "hashrate_1h_ghs": 28191.5,
            "workers": 2,
            "balance": 0.15,
            "warnings": (
                "pool: answers HTTP 404 (Not Found)",
                "user hash_rate_24h left out: null is no figure",
            ),
        }

    @pytest.mark.parametrize(("unit", "ghs"), [("Th/s", 27978e3), ("H/s", 27978e-9), ("PH/s", 27978e6)])
    def test_the_unit_counts(self, unit, ghs):
        assert self.read(hash_rate_unit=unit).hashrate_ghs == pytest.approx(ghs, rel=1e-12)

    @pytest.mark.parametrize("unit", ["", None, "furlongs", 7])
    def test_without_a_known_unit_there_is_no_hashrate(self, unit):
        told = self.read(hash_rate_unit=unit)
        assert (told.hashrate_ghs, told.workers) == (None, 2)
        assert len(told.warnings) == 3

    def test_an_older_profile_has_its_balance_elsewhere(self):
        assert self.read(current_balance=None, confirmed_reward="0.00144336").balance == 0.00144336

    def test_pool_figures_count_without_a_profile(self):
        stats = {"btc": {"hash_rate_unit": "Gh/s", "pool_5m_hash_rate": 5.7e9, "pool_active_workers": 9}}
        told = report("braiins", {STATS: stats, PROFILE: 401})
        assert (told.pool_hashrate_ghs, told.pool_workers, told.hashrate_ghs) == (5.7e9, 9, None)
        assert told.warnings == ("user: answers HTTP 401 (Oh)",)


class TestParasite:
    def test_its_own_api_is_read(self):
        user = {
            "hashrate": "1050000000000",
            "workers": 1,
            "bestDifficulty": "1.13T",
            "lastSubmission": "1m ago",
        }
        told = report(
            "parasite",
            {"/api/pool-stats": {"hashrate": 1e15, "users": 3, "workers": 4}, "/api/user/bc1q": user},
        )
        assert (told.hashrate_ghs, told.best_difficulty, told.pool_users) == (1050.0, 1.13e12, 3)

    def test_an_aggregator_is_read(self):
        told = report("parasite", {"/aggregator/pool/pool.status": STATUS, "/aggregator/users/bc1q": USER})
        assert (told.hashrate_ghs, told.pool_users, told.warnings) == (1050.0, 12, ())


def test_viabtc_is_read():
    data = {
        "hashrate_10min": "44625511932668",
        "hashrate_1hour": "4e13",
        "hashrate_24hour": None,
        "active_workers": 3,
    }
    told = report("viabtc", {"/res/openapi/v1/hashrate": {"code": 0, "data": data, "message": "OK"}})
    assert (told.hashrate_ghs, told.hashrate_1h_ghs, told.workers) == (44625.511932668, 40000.0, 3)


def test_viabtcs_refusal_is_told_in_its_words():
    body = {"code": 1, "data": {}, "message": "invalid api key"}
    assert refusal("viabtc", {"/res/openapi/v1/hashrate": body}) == "ViaBTC says: invalid api key"


def test_f2pool_is_read():
    user = {
        "hashrate": 5e12,
        "hashes_last_hour": 99.0,
        "stale_hashes_rejected_last_hour": 1.0,
        "worker_length_online": 2,
        "balance": 0.5,
    }
    told = report("f2pool", {"/bitcoin/bc1q": user})
    assert (told.hashrate_ghs, told.workers, told.balance, told.reject_rate) == (5000.0, 2, 0.5, 1.0)
    assert "not a user" in refusal("f2pool", {"/bitcoin/bc1q": {"balance": 1}})


def test_f2pool_wants_a_user():
    with pytest.raises(PoolError, match="give its name"):
        report("f2pool", {}, user="")


WEB = [name for name in clients.names() if name != "stratum"]


@pytest.mark.parametrize("name", WEB)
@pytest.mark.parametrize(
    "body", [429, 500, b"<!doctype html><p>", b"", b"null", b"[]", b'"x"', {}, b'{"a": NaN}', b'{"a":']
)
def test_no_pool_takes_anything_else_for_figures(name, body, monkeypatch):
    paths = [
        "/pool/pool.status",
        "/users/bc1q",
        "/api/stats",
        "/api/accounts/bc1q",
        "/api/pool",
        "/api/client/bc1q",
    ]
    paths += ["/api/pool-stats", "/api/user/bc1q", "/aggregator/pool/pool.status", "/aggregator/users/bc1q"]
    paths += [PROFILE, STATS, "/res/openapi/v1/hashrate", "/bitcoin/bc1q"]
    with web_pool(dict.fromkeys(paths, body)) as pool, pytest.raises(PoolError) as caught:
        clients[name].report(
            f"http://127.0.0.1:{pool.port}", Account("bc1q"), Deadline.after(2), use_cache=False
        )
    assert caught.value.reason


@pytest.mark.parametrize("name", WEB)
def test_a_dark_or_dripping_pool_ends_in_its_time(name):
    with pytest.raises(PoolError):
        clients[name].report(
            f"http://127.0.0.1:{closed_port()}", Account("u"), Deadline.after(0.3), use_cache=False
        )
    with dripping_device(b"HTTP/1.1 200 OK\r\n\r\n{") as pool, pytest.raises(PoolError):
        clients[name].report(
            f"http://127.0.0.1:{pool.port}", Account("u"), Deadline.after(0.3), use_cache=False
        )


@pytest.mark.parametrize("name", WEB)
@pytest.mark.parametrize("url", ["", "ftp://x", "http://", "solo.ckpool.org", "http://x/?a=1"])
def test_what_is_no_address_is_refused(name, url):
    with pytest.raises(PoolError, match="is not an address such as"):
        clients[name].report(url, Account("u"), Deadline.after(5), use_cache=False)


@given(value=st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.lists(st.integers()))
def test_any_value_is_a_figure_within_its_limits_or_none(value):
    told = Told(json.loads(json.dumps({"x": value})))
    number = told.number("x", most=1000)
    assert number is None or 0 <= number <= 1000
    assert (number is None) == bool(told.warnings)


@pytest.mark.parametrize("value", [None, 7, "many", True])
def test_what_is_no_list_and_no_object_is_said(value):
    told = Told({"x": value}, "pool")
    assert (told.list("x"), told.object("x"), len(told.warnings)) == (None, {}, 2)
    assert (told.list("y"), told.object("y"), told.number("y"), len(told.warnings)) == (None, {}, None, 2)
