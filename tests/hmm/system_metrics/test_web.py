"""What the web counts of its requests and cache, and the block that shows the latest of everything."""

from datetime import timedelta
from pathlib import Path

import pytest
from django.http import HttpRequest, HttpResponse
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from hmm.system_metrics.cache import CountingFileCache
from hmm.system_metrics.middleware import RequestStatisticsMiddleware
from hmm.system_metrics.page import shown
from hmm.system_metrics.read import latest, series, statistics
from hmm.system_metrics.statistics import web
from tests.factories import UserFactory
from tests.hmm.system_metrics.rows import put


def drained(instrument) -> float:
    return instrument.drain(1.0)[0].value


@pytest.mark.parametrize(("status", "errors"), [(200, 0), (404, 0), (500, 1), (503, 1)])
def test_a_request_is_counted_and_timed(status: int, errors: int) -> None:
    for instrument in (web.requests, web.errors, web.duration_ms):
        instrument.drain(1.0)
    RequestStatisticsMiddleware(lambda request: HttpResponse(status=status))(HttpRequest())
    assert (drained(web.requests), drained(web.errors)) == (1, errors)
    assert [0 <= sample.value < 60_000 for sample in web.duration_ms.drain(1.0)] == [True, True, True]


def test_the_cache_counts_what_it_finds(tmp_path: Path) -> None:
    cache = CountingFileCache(str(tmp_path), {})
    for instrument in (web.cache_hits, web.cache_misses):
        instrument.drain(1.0)
    cache.set("there", None)
    assert cache.get("there", "else") is None
    assert cache.get("gone", "else") == "else"
    assert cache.get_many(["there", "gone-too"]) == {"there": None}
    assert (drained(web.cache_hits), drained(web.cache_misses)) == (2, 2)


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (0, "ms", ("0", "ms")),
        (3.14159, "ms", ("3.14", "ms")),
        (31.4159, "ms", ("31.4", "ms")),
        (3141.59, "ms", ("3,142", "ms")),
        (512, "bytes", ("512", "bytes")),
        (123_456_789, "bytes", ("117.7", "MB")),
        (-2048, "bytes", ("-2.0", "KB")),
    ],
)
def test_values_are_shown_to_three_digits_or_so(value: float, unit: str, text: tuple[str, str]) -> None:
    assert shown(value, unit) == text


@pytest.mark.django_db
def test_processes_are_added_up_or_the_worst_of_them_shown() -> None:
    now = timezone.now()
    for pid, rate, p95_ms in ((1, 2.0, 10.0), (2, 3.0, 30.0)):
        put(now, "http_requests_per_s", "web", rate, pid=pid)
        put(now, "http_request_duration_ms_p95", "web", p95_ms, pid=pid)
    put(now, "not_declared", "web", 1)
    assert {each.statistic.name: each.value for each in latest()} == {
        "http_requests_per_s": 5.0,
        "http_request_duration_ms_p95": 30.0,
    }


@pytest.mark.django_db
def test_a_series_combines_what_was_written_at_one_moment() -> None:
    now = timezone.now().replace(microsecond=0)
    for seconds, pid, value in ((60, 1, 1.0), (60, 2, 2.0), (30, 1, 4.0), (0, 1, 8.0)):
        put(now - timedelta(seconds=seconds), "http_requests_per_s", "web", value, pid=pid)
    (requests,) = [each for each in statistics() if each.name == "http_requests_per_s"]
    assert [value for _, value in series(requests, now - timedelta(seconds=60), now)] == [3.0, 4.0]


@pytest.fixture
def member(client: Client) -> Client:
    client.force_login(UserFactory(), backend="django.contrib.auth.backends.ModelBackend")
    return client


@pytest.mark.django_db
def test_the_block_shows_the_latest_and_marks_what_is_old(member: Client) -> None:
    now = timezone.now()
    put(now, "http_requests_per_s", "web", 2.5, pid=1)
    put(now, "http_requests_per_s", "web", 1.5, pid=2)
    put(now - timedelta(minutes=10), "polls_ok_per_s", "collector", 0.5, pid=3)
    put(now, "replication_lag_bytes", "database", 2048, replica="<b>east</b>")
    text = member.get(reverse("system_metrics")).text
    assert '<td class="num">4 <span class="unit muted">requests/s</span></td>' in text
    assert "pid 1: 2.50 requests/s" in text
    assert text.count(">old<") == 1
    assert "2.0" in text
    assert "KB" in text
    assert "replica &lt;b&gt;east&lt;/b&gt;" in text
    assert "pid 3" not in text
    assert "<html" not in text


@pytest.mark.django_db
def test_the_block_is_one_question_however_much_there_is(member: Client, django_assert_num_queries) -> None:
    assert "Nothing has been written yet" in member.get(reverse("system_metrics")).text
    with django_assert_num_queries(2):  # user, latest
        member.get(reverse("system_metrics"))
    for service, name in (("web", "http_requests_per_s"), ("worker", "queue_depth_tasks")):
        put(timezone.now(), name, service, 1)
    with django_assert_num_queries(2):
        assert "queue_<wbr>depth_<wbr>tasks" in member.get(reverse("system_metrics")).text


@pytest.mark.django_db
def test_the_block_needs_a_login(client: Client) -> None:
    assert client.get(reverse("system_metrics")).status_code == 302
