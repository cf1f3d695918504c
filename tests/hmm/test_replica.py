"""Pages read from a streaming replica while it is near, and from the primary when it is not."""

import shutil
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured

from hmm.lib.database_url import replica_settings
from hmm.replica.lag import Replica, ReplicaWatch, lag_of, replica_lag_s, replica_trouble
from hmm.replica.middleware import may_lag
from tests.hmm.replication import Pair, replicated
from tests.waiting import wait_for

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("in_recovery", "caught_up", "last_replayed", "lag_s"),
    [
        (True, True, NOON - timedelta(hours=5), 0.0),  # a quiet night is no lag
        (True, True, None, 0.0),
        (True, False, NOON - timedelta(seconds=7), 7.0),
        (True, False, NOON + timedelta(seconds=1), 0.0),  # replayed while it was asked
        (True, False, None, None),
        (False, False, None, None),  # a server that takes writes of its own
        (False, True, NOON, None),
    ],
)
def test_what_an_answer_of_the_replica_means(
    in_recovery: bool, caught_up: bool, last_replayed: datetime | None, lag_s: float | None
) -> None:
    found = lag_of(in_recovery, caught_up, last_replayed, NOON)
    assert found.lag_s == lag_s
    assert bool(found.trouble) is (lag_s is None)


def test_a_replica_is_fit_up_to_the_limit() -> None:
    assert Replica(10.0).is_fit(10)
    assert not Replica(10.1).is_fit(10)
    assert not Replica(None, "gone").is_fit(10)


@pytest.mark.parametrize(
    ("method", "namespace", "wrote_just_now", "expected"),
    [
        ("GET", "metrics", False, True),
        ("HEAD", "api", False, True),
        ("GET", "metrics", True, False),
        ("POST", "api", False, False),
        ("GET", "admin", False, False),
        ("GET", "", False, False),
    ],
)
def test_only_pages_that_only_read_may_lag(
    method: str, namespace: str, wrote_just_now: bool, expected: bool
) -> None:
    assert may_lag(method, namespace, wrote_just_now=wrote_just_now) is expected


def test_a_measurement_is_good_for_a_second_and_trouble_for_five() -> None:
    at, answers = [0.0], [Replica(1.0), Replica(None, "gone"), Replica(2.0)]
    watch = ReplicaWatch(lambda: answers.pop(0), lambda: at[0])
    seen = []
    for at[0] in (0.0, 0.9, 1.0, 5.9, 6.0):
        seen.append(watch.look().lag_s)
    assert seen == [1.0, 1.0, None, None, 2.0]


def test_a_request_that_finds_it_wanting_keeps_the_others_off() -> None:
    watch = ReplicaWatch(lambda: Replica(0.0), lambda: 0.0)
    watch.look()
    watch.has_failed("server closed the connection")
    assert watch.look() == Replica(None, "server closed the connection")


def test_without_a_replica_there_is_no_lag() -> None:
    assert replica_lag_s() is None
    assert replica_trouble() == ""
    assert replica_settings("", pooled=True) == {}


def test_a_wrong_address_names_the_variable() -> None:
    with pytest.raises(ImproperlyConfigured, match=r"^DATABASE_REPLICA_URL must be a PostgreSQL address"):
        replica_settings("mysql://somewhere/hmm", pooled=False)


@pytest.fixture(scope="module")
def pair() -> Iterator[Pair]:
    """A primary and its replica, for all tests of this file."""
    directory = Path(tempfile.mkdtemp(prefix="hmm-"))
    directory.chmod(0o755)
    try:
        with replicated(directory) as made:
            yield made
    finally:
        shutil.rmtree(directory, ignore_errors=True)


@pytest.fixture
def near(pair: Pair) -> Pair:
    """The pair, its replica replaying and caught up."""
    pair.on_replica("SELECT pg_wal_replay_resume() IS NOT NULL")
    wait_for(pair.has_caught_up, "the replica to catch up")
    return pair


# Which databases a page asks for what it shows, as somebody who is logged in.
VISIT = """
from contextlib import ExitStack
from django.contrib.auth import get_user_model
from django.core.cache import cache
from django.db import connections
from django.test import Client
cache.clear()
client = Client()
client.force_login(get_user_model().objects.get(username="admin"))

def visit(address, method="get", **more):
    asked = {"replica": [], "default": []}
    with ExitStack() as stack:
        for alias, statements in asked.items():
            def note(execute, sql, params, many, context, statements=statements):
                statements.append(sql)
                return execute(sql, params, many, context)
            stack.enter_context(connections[alias].execute_wrapper(note))
        response = getattr(client, method)(address, **more)
    near = [sql for sql in asked["default"] if "miners_" in sql or "metrics_" in sql]
    return response.status_code, bool(asked["replica"]), bool(near)

API = "/api/metrics?type=hashrate&period=hourly&days=1"
visit("/"), visit(API)  # they compute what has closed meanwhile
"""


@pytest.mark.process
def test_pages_and_the_api_read_from_the_replica(near: Pair) -> None:
    said = near.run(
        VISIT
        + """
import time
from hmm.replica.lag import measure, watch
while measure().lag_s != 0.0: time.sleep(0.1)
print(visit("/"), visit(API), visit("/admin/miners/site/"))
"""
    )
    assert said == "(200, True, False) (200, True, False) (200, False, True)"


@pytest.mark.process
def test_what_a_page_must_compute_is_computed_on_the_primary_and_read_there(near: Pair) -> None:
    """The store of a fresh database is empty: reading it fills it."""
    said = near.run(
        """
from django.db import connection, connections
from django.utils import timezone
from hmm.replica.route import reads_from, use_replica
from metrics.models.store import Watermark
from metrics.query import get_metric
Watermark.objects.all().delete()
import time
from hmm.replica.lag import measure
while measure().lag_s != 0.0: time.sleep(0.1)
use_replica()
before = reads_from()
from datetime import timedelta
get_metric(metric_type="hashrate", entity_type="system", period="hourly", timestamp=timezone.now() - timedelta(hours=3))
print(before, reads_from(), Watermark.objects.using("default").exists())
"""
    )
    assert said == "replica default True"


@pytest.mark.process
def test_a_packed_day_is_unpacked_on_the_primary_for_who_reads_from_the_replica(near: Pair) -> None:
    """A replica makes no temporary table: the figures that need packed rows come from the primary, the same as ever."""
    said = near.run(
        """
from datetime import timedelta
from django.utils import timezone
from hmm.replica.lag import measure
from hmm.replica.route import reads_from, use_replica
from miners.models import Miner, Site, Telemetry
from miners.telemetry.overlapping import rows_overlapping
from miners.telemetry.packed.store import pack
from miners.telemetry.rows import TelemetryRow
from miners.telemetry.write import write_rows
import time
miner = Miner.objects.create(name="packed", site=Site.objects.get(pk=1))
noon = (timezone.now() - timedelta(days=10)).replace(hour=12, minute=0, second=0, microsecond=0)
rows = [TelemetryRow(miner_id=miner.pk, timestamp=noon + timedelta(minutes=n), covered_s=60, power_w=900.0 + n) for n in range(60)]
write_rows(rows, source="import", now=timezone.now())
pack([miner.pk], noon.date())
while measure().lag_s != 0.0: time.sleep(0.1)

def seen():
    told = rows_overlapping(miner.pk, noon, noon + timedelta(hours=1))
    return len(told), sum(row.power_w for row in told)

here = seen()
use_replica()
print(Telemetry.objects.filter(miner=miner).count(), *here, *seen(), reads_from())
"""
    )
    assert said == "0 59 54870.0 59 54870.0 replica"


@pytest.mark.process
def test_a_request_that_writes_reads_what_it_wrote_and_so_do_the_next(near: Pair) -> None:
    said = near.run(
        VISIT
        + """
print(visit("/login/", method="post", data={"username": "x", "password": "y"})[0])
print(visit("/"), client.cookies["hmm_wrote"]["max-age"])
from hmm.replica.route import reads_from, use_replica
from miners.models import Site
use_replica()
site = Site.objects.create(name="New")
print(reads_from(), Site.objects.filter(pk=site.pk).exists())
"""
    ).splitlines()
    assert said == ["302", "(200, False, True) 12", "default True"]


@pytest.mark.process
def test_a_replica_that_lags_is_left_alone_and_one_that_is_near_again_is_not(near: Pair) -> None:
    near.on_replica("SELECT pg_wal_replay_pause() IS NOT NULL")
    said = near.run(
        VISIT
        + """
import time
from hmm.models import Heartbeat
from hmm.replica.lag import measure, replica_lag_s, replica_trouble, watch
from django.utils import timezone
from django.conf import settings
settings.REPLICA_LAG_S = 1
Heartbeat.objects.update_or_create(service="web", defaults={"at": timezone.now()})
while (measure().lag_s or 0) <= 1: time.sleep(0.1)
watch._good_until_s = 0
print(visit("/"), replica_trouble()[:15], replica_lag_s() > 1)
with connections["replica"].cursor() as cursor: cursor.execute("SELECT 1")
"""
    )
    assert said == "(200, False, True) the replica is  True"
    near.on_replica("SELECT pg_wal_replay_resume() IS NOT NULL")


@pytest.mark.process
def test_a_replica_that_goes_away_in_the_middle_costs_nobody_the_page(near: Pair) -> None:
    """It was there when it was looked at, and its sessions end: the page comes from the primary."""
    said = near.run(
        VISIT
        + f"""
import time, psycopg
from hmm.replica.lag import measure, replica_trouble, watch
while measure().lag_s != 0.0: time.sleep(0.1)
print(visit("/"))
with psycopg.connect(host="127.0.0.1", port={near.port}, user="postgres", dbname="hmm", autocommit=True) as other:
    other.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                  "WHERE usename = 'hmm' AND backend_type = 'client backend'")
print(visit("/"))
print(replica_trouble() != "", visit("/"))
"""
    ).splitlines()
    assert said == ["(200, True, False)", "(200, True, True)", "True (200, False, True)"]


@pytest.mark.process
def test_without_the_replica_every_page_comes_from_the_primary(near: Pair) -> None:
    near.stop()
    try:
        said = near.run(
            VISIT + "from hmm.replica.lag import replica_lag_s\nprint(visit('/'), replica_lag_s())"
        )
    finally:
        near.start()
    assert said == "(200, False, True) None"


@pytest.mark.process
def test_a_token_that_is_revoked_is_refused_at_once(near: Pair) -> None:
    said = near.run(
        VISIT
        + """
import time
from metrics.models.token import ApiToken, create_token
from hmm.replica.lag import measure
from django.utils import timezone
token = create_token("t")
while measure().lag_s != 0.0: time.sleep(0.1)
api, bearer = Client(), {"Authorization": f"Bearer {token}"}
address = "/api/metrics/types"
print(api.get(address, headers=bearer).status_code)
ApiToken.objects.update(revoked_at=timezone.now())
print(api.get(address, headers=bearer).status_code)
""",
    ).splitlines()
    assert said == ["200", "401"]
