"""REDIS_URL: cache and task queue on a real Redis."""

import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db import connection

from hmm.lib.redis_url import broker_settings, cache_settings
from hmm.models import Heartbeat
from tests.conftest import NO_REDIS
from tests.waiting import wait_for

PATIENCE_S = 60

QUEUE_A_TASK = """
import django
django.setup()
from django.core.cache import cache
from django_q.brokers import get_broker
from django_q.tasks import async_task
cache.set("answer", {"n": 42}, 60)
print(type(cache._connections["default"]).__name__, cache.get("answer")["n"])
async_task("hmm.jobs.heartbeat")
print(type(get_broker()).__name__, get_broker().queue_size())
"""

SAY_HOW_DEEP = """
from datetime import timedelta
import django
django.setup()
from django.utils import timezone
from django_q.tasks import async_task
from hmm.system_metrics.reporter import mark, report_probes
from hmm.task_queue import queued_tasks
from metrics.exports.scrape.read import take_picture
from metrics.query import queue_depth
for _ in range(3):
    async_task("hmm.jobs.heartbeat")
now = timezone.now()
report_probes(mark(now), 30.0)
print(queued_tasks(), take_picture(now).queued, queue_depth(now).waiting)
"""

SAY_THAT_NOBODY_KNOWS = """
import django
django.setup()
from django.utils import timezone
from hmm.system_metrics.probes import look_elsewhere
from hmm.task_queue import queued_tasks
from metrics.query import queue_depth
print(queued_tasks(), queue_depth(timezone.now()).waiting, look_elsewhere())
"""

ASK_TWICE = """
import django
django.setup()
from hmm.door import Source, ask
from hmm.lib.http import Reply
source = Source("kept on Redis", fresh_s=300, pace_s=0)
print(ask(source, {url!r}, Reply.json).value)
"""


@pytest.fixture
def redis_url(data_dir: Path) -> Iterator[str]:
    """A Redis of this test's own, on a port of loopback."""
    program = shutil.which("redis-server")
    if program is None:
        pytest.skip(NO_REDIS)
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        port = held.getsockname()[1]
    quiet = ["--save", "", "--appendonly", "no", "--bind", "127.0.0.1", "--dir", str(data_dir)]
    with subprocess.Popen([program, "--port", str(port), *quiet], stdout=subprocess.DEVNULL) as server:
        try:
            wait_for(lambda: _answers(port), "Redis to answer", PATIENCE_S)
            yield f"redis://127.0.0.1:{port}/0"
        finally:
            server.terminate()


def _answers(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1) as connected:
            connected.sendall(b"PING\r\n")
            return connected.recv(16).startswith(b"+PONG")
    except OSError:
        return False


def _run(redis_url: str, *arguments: str) -> str:
    environment = {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "tests.hmm.redis_settings",
        "HMM_TEST_DATABASE": connection.settings_dict["NAME"],
        "HMM_DATA_DIR": str(settings.DATA_DIR),
        "REDIS_URL": redis_url,
    }
    done = subprocess.run(
        [sys.executable, *arguments],
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.process
@pytest.mark.django_db(transaction=True)
def test_cache_and_queue_are_on_redis_and_a_worker_does_a_task_from_there(redis_url):
    told = _run(redis_url, "-c", QUEUE_A_TASK).splitlines()
    assert told[0].endswith(" 42")
    assert told[1] == "Redis 1"
    assert not Heartbeat.objects.exists()
    _run(redis_url, "manage.py", "qcluster", "--run-once")
    assert Heartbeat.objects.filter(service="worker").exists()


@pytest.mark.process
@pytest.mark.django_db(transaction=True)
def test_everybody_who_shows_the_queue_sees_that_on_redis(redis_url):
    assert _run(redis_url, "-c", SAY_HOW_DEEP).split() == ["3", "3", "3"]
    with connection.cursor() as cursor:
        cursor.execute("SELECT value FROM system_metrics WHERE metric_name = 'queue_depth_tasks'")
        assert cursor.fetchall() == [(3.0,)]


@pytest.mark.process
@pytest.mark.django_db(transaction=True)
def test_a_redis_that_is_away_leaves_the_depth_unknown(redis_url):
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        nobody = f"redis://127.0.0.1:{held.getsockname()[1]}/0"
        assert _run(nobody, "-c", SAY_THAT_NOBODY_KNOWS).strip() == "None None []"


@pytest.mark.process
@pytest.mark.django_db(transaction=True)
def test_processes_share_the_answers_of_services_on_redis(redis_url):
    from tests.miners.drivers.servers import http_device, http_reply

    with http_device({"/n": http_reply(b'{"n": 7}')}) as device:
        script = ASK_TWICE.format(url=f"http://127.0.0.1:{device.port}/n")
        assert [_run(redis_url, "-c", script).strip() for _ in range(2)] == ["{'n': 7}"] * 2
    assert len(device.asked) == 1


def test_without_a_url_there_is_no_redis(tmp_path):
    assert cache_settings("", tmp_path)["default"]["LOCATION"] == tmp_path / "cache"
    assert broker_settings("") == {"orm": "default"}


@pytest.mark.parametrize("url", ["127.0.0.1:6379", "http://127.0.0.1", "redis://[", "://"])
def test_a_url_that_is_none_is_refused(url, tmp_path):
    with pytest.raises(ImproperlyConfigured, match="REDIS_URL must be like"):
        broker_settings(url)
