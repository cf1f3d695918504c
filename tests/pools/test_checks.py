"""Checks of pools: side by side, judged, stored once, and what they mark to be computed."""

from datetime import UTC, datetime, timedelta

import pytest

from hmm.door.books import books
from hmm.models import DirtyRange
from pools.checks import Checked, check_pools, covered_s, increment, judge, store_checks
from pools.clients.base import PoolError, PoolReport
from pools.models import Pool, PoolReading
from pools.stratum import Handshake
from pools.tasks import check_pools as job
from tests.miners.drivers.servers import closed_port, silent_device
from tests.pools.servers import GOOD_STRATUM, STATUS, USER, line, stratum_pool, web_pool

NOW = datetime(2025, 6, 1, 12, 0, 0, tzinfo=UTC)
POOL = Pool(pk=1, name="Solo", client="ckpool", user="bc1q")
SHAKEN = Handshake(12.5, {}, authorized=True)
TOLD = PoolReport(response_time_ms=40.0, hashrate_ghs=1000.0, accepted=100, rejected=1)


def pool(**fields) -> Pool:
    return Pool.objects.create(**{"name": f"Pool {Pool.objects.count()}", "client": "ckpool", **fields})


@pytest.mark.django_db(transaction=True)
class TestChecking:
    def test_web_address_and_handshake_make_a_reading(self):
        with (
            web_pool({"/pool/pool.status": STATUS, "/users/bc1q": USER}) as web,
            stratum_pool(GOOD_STRATUM) as miners,
        ):
            pool(url=f"http://127.0.0.1:{web.port}", stratum_url=f"127.0.0.1:{miners.port}", user="bc1q.rig")
            (reading,) = check_pools(list(Pool.objects.all()), NOW)
        assert (reading.reachable, reading.failed_step, reading.error) == (True, "", "")
        assert reading.response_time_ms > 0
        assert (reading.hashrate_ghs, reading.workers, reading.pool_hashrate_ghs) == (1050.0, 2, 1e6)
        assert (reading.accepted_total, reading.accepted) == (9900, None)
        assert PoolReading.objects.get().pool_id == reading.pool_id
        dirty = DirtyRange.objects.get()
        assert (dirty.kind, dirty.entity_ids) == ("pool", [reading.pool_id])
        assert (dirty.start, dirty.end) == (reading.timestamp - timedelta(seconds=60), reading.timestamp)

    def test_no_pool_waits_for_another(self):
        with silent_device() as silent, web_pool({"/pool/pool.status": STATUS}) as web:
            slow = [pool(stratum_url=f"127.0.0.1:{silent.port}", client="stratum") for _ in range(5)]
            quick = pool(url=f"http://127.0.0.1:{web.port}")
            found = {r.pool_id: r for r in check_pools([*slow, quick], NOW, limit_s=0.5)}
        assert found[quick.pk].reachable
        assert found[quick.pk].timestamp <= min(found[p.pk].timestamp for p in slow)
        assert {found[p.pk].failed_step for p in slow} == {"subscribe"}
        assert all(
            r.timestamp - NOW <= timedelta(seconds=2) for r in found.values()
        )  # one after the other: 2.5 s

    def test_a_dark_pool_has_a_reading_that_says_why(self):
        dark = pool(stratum_url=f"127.0.0.1:{closed_port()}", client="stratum")
        (reading,) = check_pools([dark], NOW, limit_s=2)
        assert (reading.reachable, reading.failed_step, reading.error) == (
            False,
            "connect",
            "connection refused",
        )
        assert reading.response_time_ms is None

    def test_bad_outside_data_is_no_figure_and_is_the_last_error_of_its_source(self):
        with web_pool({"/pool/pool.status": STATUS[:150]}) as web:
            (reading,) = check_pools([pool(url=f"http://127.0.0.1:{web.port}")], NOW)
        assert (reading.reachable, reading.pool_hashrate_ghs, reading.accepted_total) == (False, None, None)
        assert books().last_errors["ckpool", f"127.0.0.1:{web.port}"].startswith("pool.status is torn")

    @pytest.mark.parametrize(
        ("status", "user", "said"),
        [
            (STATUS, USER | {"workers": 3_000_000_000}, "user workers left out"),
            ({"error": "no\x00"}, {"error": "no\x00"}, "the pool says: no"),
            ({"error": "no\ud800"}, {"error": "no\ud800"}, "the pool says: no\\ud800"),
        ],
    )
    def test_what_no_database_can_hold_costs_no_pool_its_reading(self, settings, status, user, said):
        settings.OUTSIDE_BOOKS = "hmm.outside.StoredBooks"
        with (
            web_pool({"/pool/pool.status": STATUS}) as good,
            web_pool({"/pool/pool.status": status, "/users/bc1q": user}) as odd,
        ):
            pool(url=f"http://127.0.0.1:{good.port}")
            pool(url=f"http://127.0.0.1:{odd.port}", user="bc1q.rig")
            kept = {reading.pool_id: reading for reading in check_pools(list(Pool.objects.all()), NOW)}
        fine, strange = (kept[each.pk] for each in Pool.objects.order_by("pk"))
        assert (fine.reachable, fine.error, strange.workers) == (True, "", None)
        assert strange.reachable is (status is STATUS)
        assert said in f"{strange.error} {strange.warnings}"

    def test_a_refusal_that_no_database_can_hold_is_stored_readable(self):
        refuse = {"mining.authorize": lambda n: line({"id": n, "result": None, "error": "no\x00"})}
        with stratum_pool(GOOD_STRATUM | refuse) as miners:
            told = pool(stratum_url=f"127.0.0.1:{miners.port}", client="stratum", user="bc1q")
            (reading,) = check_pools([told], NOW)
        assert (reading.failed_step, reading.error) == ("authorize", "refused bc1q: no\\x00")

    def test_a_figure_that_is_none_is_left_out_and_is_the_last_error_of_its_source(self):
        odd = {"/pool/pool.status": STATUS, "/users/bc1q": {"hashrate5m": "1e+03X", "workers": 2}}
        with web_pool(odd) as web:
            (reading,) = check_pools([pool(url=f"http://127.0.0.1:{web.port}", user="bc1q.rig")], NOW)
        assert (reading.reachable, reading.hashrate_ghs, reading.workers) == (True, None, 2)
        said = books().last_errors["ckpool", f"127.0.0.1:{web.port}"]
        assert said == "user hashrate5m left out: '1e+03X' is no figure"

    def test_who_asks_too_often_has_learnt_nothing_of_the_pool(self):
        with web_pool({"/pool/pool.status": 429}) as web:
            assert check_pools([pool(url=f"http://127.0.0.1:{web.port}")], NOW) == []

    def test_a_pool_without_a_usual_address_needs_one(self):
        (reading,) = check_pools([pool(client="stratum")], NOW)
        assert (reading.failed_step, reading.error) == ("address", "the pool has no address")

    def test_the_job_checks_active_pools(self):
        with stratum_pool(GOOD_STRATUM) as miners:
            pool(stratum_url=f"127.0.0.1:{miners.port}", client="stratum")
            pool(stratum_url=f"127.0.0.1:{miners.port}", client="stratum", active=False)
            assert job() == 1

    def test_a_refused_user_is_told_and_the_pool_is_reachable(self):
        no = {
            **GOOD_STRATUM,
            "mining.authorize": lambda n: line({"id": n, "error": [24, "Unauthorized", None]}),
        }
        with stratum_pool(no) as miners:
            (reading,) = check_pools(
                [pool(stratum_url=f"127.0.0.1:{miners.port}", client="stratum", user="me")], NOW
            )
        assert (reading.reachable, reading.failed_step, reading.error) == (
            True,
            "authorize",
            "refused me: Unauthorized",
        )


@pytest.mark.parametrize(
    ("shaken", "told", "expected"),
    [
        (None, TOLD, (True, 40.0, "", "")),
        (None, PoolError("connection refused"), (False, None, "http", "connection refused")),
        (None, PoolReport(stale="answers HTTP 500", age_s=90), (False, None, "http", "answers HTTP 500")),
        (None, PoolError("not asked", unknown=True), None),
        (None, PoolReport(stale="not asked", unknown=True), None),
        (None, PoolError("refused me", "authorize"), (True, None, "authorize", "refused me")),
        (SHAKEN, TOLD, (True, 12.5, "", "")),
        (SHAKEN, PoolError("answers HTML"), (True, 12.5, "http", "answers HTML")),
        (PoolError("no answer", "subscribe"), TOLD, (False, None, "subscribe", "no answer")),
    ],
)
def test_handshake_and_figures_are_judged_together(shaken, told, expected):
    found = judge(POOL, shaken, told, 0.1)
    shown = found and (found.reachable, found.response_time_ms, found.failed_step, found.error)
    assert shown == expected


def stored(pool: Pool, at: datetime, **told) -> PoolReading | None:
    found = store_checks([Checked(pool, 0.7, True, 10.0, PoolReport(**told))], at)
    return found[0] if found else None


@pytest.mark.django_db
class TestStoring:
    def test_shares_are_increments_and_a_counter_that_fell_began_anew(self):
        one = pool()
        told = [(100, 1), (150, 1), (None, None), (180, 3), (20, 0)]
        found = [
            stored(one, NOW + timedelta(minutes=2 * n), accepted=a, rejected=r)
            for n, (a, r) in enumerate(told)
        ]
        assert [(r.accepted, r.rejected) for r in found] == [
            (None, None),
            (50, 0),
            (None, None),
            (30, 2),
            (20, 0),
        ]

    def test_figures_that_stand_in_count_no_shares(self):
        one = pool()
        stored(one, NOW, accepted=100, rejected=1)
        reading = stored(
            one, NOW + timedelta(minutes=2), accepted=100, rejected=1, stale="no answer", age_s=120
        )
        assert (reading.accepted, reading.accepted_total, reading.age_s) == (None, None, 120)

    def test_the_same_second_is_stored_once(self):
        one = pool()
        assert stored(one, NOW)
        assert stored(one, NOW) is None
        assert stored(one, NOW - timedelta(seconds=5)) is None

    def test_a_pool_does_not_count_the_shares_of_another(self):
        one, other = pool(), pool()
        stored(one, NOW, accepted=100, rejected=0)
        assert stored(other, NOW, accepted=500, rejected=0).accepted is None


@pytest.mark.parametrize(
    ("gap_s", "covered"), [(None, 60), (1, 1), (119, 119), (150, 150), (151, 60), (9000, 60)]
)
def test_a_reading_covers_the_time_since_the_one_before(gap_s, covered):
    assert covered_s(NOW, None if gap_s is None else NOW - timedelta(seconds=gap_s)) == covered


def test_increments():
    assert [increment(*pair) for pair in [(None, 1), (1, None), (5, 5), (5, 7), (7, 5)]] == [
        None,
        None,
        0,
        2,
        5,
    ]
