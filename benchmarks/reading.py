"""How fast the store is read."""

import json
import statistics
from datetime import timedelta
from functools import partial
from typing import Any

from django.db import connection
from django.test import Client

from benchmarks import dataset
from benchmarks.measure import measure
from metrics.models import Metric
from metrics.models.token import create_token
from miners.models import LatestReading
from miners.telemetry.read import latest_telemetry

DAYS = 30
END = dataset.START + timedelta(days=DAYS)


def thirty_days(ids: list[int]) -> None:
    """Rows of the system for 30 days: the data set has 7, and 23 are copied."""
    with connection.cursor() as cursor:
        cursor.execute(
            """CREATE TEMPORARY TABLE copied AS SELECT r.*, n FROM metrics_rollup r, generate_series(1, 23) n
               WHERE period = 'daily' AND entity_type = 'system' AND timestamp = %s""",
            [dataset.START + timedelta(days=6)],
        )
        cursor.execute("UPDATE copied SET timestamp = timestamp + make_interval(days => n)")
        cursor.execute("ALTER TABLE copied DROP COLUMN n")
        cursor.execute("INSERT INTO metrics_rollup SELECT * FROM copied")
        cursor.execute("DROP TABLE copied")
    daily = Metric.objects.filter(
        metric_type="energy_cost",
        entity_type="system",
        period="daily",
        timestamp__gte=dataset.START,
        timestamp__lt=END,
    )
    assert len(daily) == DAYS
    explained("30 daily rows of the system, in SQL", daily)
    measure("30 daily rows of the system, by the view", lambda: list(daily.all()), 15, again=True)
    api = partial(ask, DAYS, type="energy_cost", period="daily")
    measure("the same through the API", api, 15, again=True)


def explained(name: str, rows: Any) -> None:
    """Print the medians that the database itself gives for planning and executing a query."""
    plans = [json.loads(rows.all().explain(analyze=True, format="json"))[0] for _ in range(15)]
    planned, executed = (
        statistics.median(p[key] for p in plans) for key in ("Planning Time", "Execution Time")
    )
    print(f"{name:52} {executed:9.3f} ms, planned in {planned:.3f} ms")


def ask(rows: int, **question: str) -> None:
    """Ask the API for the data set's days of the system."""
    answer = CLIENT.get(
        "/api/metrics",
        {"entity_type": "system", "from": dataset.START.isoformat(), "to": END.isoformat(), **question},
        headers={"authorization": f"Bearer {TOKEN[0]}"},
    )
    assert answer.status_code == 200, answer.content
    assert len(answer.json()["results"]) == rows


CLIENT = Client(SERVER_NAME="localhost")
TOKEN: list[str] = []


def make_token() -> None:
    """Let this benchmark ask the API."""
    TOKEN.append(create_token("benchmark"))


def hours_of_a_miner(ids: list[int]) -> None:
    """A day of hours of one miner."""
    day = dataset.START + timedelta(days=1)
    hours = Metric.objects.filter(
        metric_type="energy_cost",
        entity_type="miner",
        entity_id=ids[5],
        period="hourly",
        timestamp__gte=day,
        timestamp__lt=day + timedelta(days=1),
    )
    assert len(hours) == 24
    explained("24 hourly rows of a miner, in SQL", hours)
    measure("24 hourly rows of a miner, by the view", lambda: list(hours.all()), 15)


def latest(miners: int) -> None:
    """The latest reading of so many miners."""
    ids = list(LatestReading.objects.values_list("miner_id", flat=True)[:miners])
    assert len(latest_telemetry(ids)) == miners
    explained(f"latest reading of {miners:,} miners, in SQL", LatestReading.objects.filter(miner__in=ids))
    measure(f"latest reading of {miners:,} miners", lambda: latest_telemetry(ids), 15)
