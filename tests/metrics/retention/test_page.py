"""The page of what is kept: every class that grows, with figures from the database's statistics."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.urls import reverse

from hmm.models import JobRun
from metrics.retention.classes import Amount, classes, measure
from metrics.views import retention as views
from miners.models import Telemetry
from miners.telemetry.partitions import ensure_partitions
from tests.metrics.retention.conftest import JULY, Farm

pytestmark = pytest.mark.django_db


@pytest.fixture
def staff(db: None) -> Client:
    client = Client()
    client.force_login(User.objects.create_superuser("boss"))
    return client


def test_amounts_are_those_of_the_tables(farm: Farm) -> None:
    JobRun.objects.create(name="x", started_at=JULY, duration_s=1, success=True)
    JobRun.objects.create(name="x", started_at=JULY.replace(hour=1), duration_s=1, success=True)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE telemetry_packed, metrics_rollup, hmm_jobrun")
    found = {amount.name: amount for amount in measure(JULY.replace(hour=13))}
    packed = found["Telemetry, packed (miner-days)"]
    assert (packed.rows, packed.rows_a_day, packed.kept) == (8, 2, "90 days")
    assert packed.oldest is not None
    assert packed.oldest.date().isoformat() == "2026-03-02"
    assert packed.size_bytes > 8000
    assert packed.bytes_a_day == round(packed.size_bytes / 4)
    runs = found["Job runs"]
    assert (runs.rows, runs.rows_a_day) == (2, 2)
    assert found["Slots"].rows > 500
    assert found["Telemetry in detail"].rows_a_day is None


def test_the_oldest_row_is_found_wherever_it_lies(farm: Farm) -> None:
    def oldest() -> datetime | None:
        return next(each.oldest for each in measure(JULY) if each.name == "Telemetry in detail")

    assert oldest() is None  # all of it is packed
    ensure_partitions(JULY - timedelta(days=1), JULY + timedelta(hours=1))
    for minutes in (30, -600, 20, -1200):
        at = JULY + timedelta(minutes=minutes)
        Telemetry.objects.create(miner_id=farm.miners[0].pk, timestamp=at, covered_s=60)
        Telemetry.objects.create(
            miner_id=farm.miners[1].pk, timestamp=at + timedelta(minutes=1), covered_s=60
        )
    assert oldest() == JULY - timedelta(minutes=1200)


def test_every_table_that_grows_has_a_class(db: None) -> None:
    named = {table for each in classes() for table in each.tables}
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT name FROM unnest(%s::text[]) AS name WHERE to_regclass(name) IS NULL", [list(named)]
        )
        assert cursor.fetchall() == []


def test_the_page_names_each_class_and_its_limit(farm: Farm, staff: Client, settings: Any) -> None:
    settings.RETENTION_SLOT_DAYS = 333
    page = staff.get(reverse("metrics:retention")).content.decode()
    for each in classes():
        assert each.name in page
    assert "333 days" in page


def test_its_numbers_are_set_as_numbers(staff: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    large = Amount("Slots", "400 days", 1_234_567, 2048, JULY, 98_765, 512)
    monkeypatch.setattr(views, "measure", lambda now: [large])
    page = staff.get(reverse("metrics:retention")).content.decode()
    assert '<td class="num">1,234,567</td>' in page
    assert '<td class="num">98,765</td>' in page
    assert "hmm/admin" in page


def test_the_number_of_queries_does_not_depend_on_the_data(
    farm: Farm, staff: Client, django_assert_max_num_queries: Any
) -> None:
    with django_assert_max_num_queries(5):
        staff.get(reverse("metrics:retention"))


def test_the_admin_links_to_it_and_others_may_not_see_it(staff: Client) -> None:
    assert reverse("metrics:retention") in staff.get("/admin/").content.decode()
    other = Client()
    other.force_login(User.objects.create_user("guest"))
    assert other.get(reverse("metrics:retention")).status_code == 302
