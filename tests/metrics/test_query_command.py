"""`manage.py query`: each question as a table and as JSON, and what is refused."""

import json
from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.utils import timezone

from hmm.models import JobRun
from metrics.query.questions import QUESTIONS
from tests.factories import MinerFactory
from tests.metrics.reference import Row
from tests.metrics.store_helpers import at, epoch, store_rows, use_zone

pytestmark = pytest.mark.django_db

NOW = at("2025-03-31T10:20")
SPAN = ("--from", "2025-03-29", "--to", "2025-03-30")


@pytest.fixture(autouse=True)
def miner(monkeypatch):
    """One that has drawn 1 kW since Friday, 28 March; London's clocks change on the 30th."""
    use_zone("Europe/London")
    monkeypatch.setattr(timezone, "now", lambda: NOW)
    miner = MinerFactory(name="garage [1]")
    begin, end = epoch("2025-03-28T00:00"), epoch("2025-03-31T10:00")
    store_rows(
        [Row(miner.pk, t, t + 600, 1000.0, 500.0, 60.0, 1, 0) for t in range(begin, end, 600)], now=NOW
    )
    call_command("backfill_metrics", stdout=StringIO(), stderr=StringIO())
    return miner


def query(*args):
    out = StringIO()
    call_command("query", *args, stdout=out)
    return out.getvalue()


def asked(*args):
    return json.loads(query(*args, "--json"))


def test_a_range_of_days_has_the_local_days(miner):
    found = asked("range", "--type", "energy_cost", "--entity-type", "system", *SPAN)
    assert [(r["timestamp"], r["value_json"]["total_kwh"]) for r in found["results"]] == [
        ("2025-03-29T00:00:00+00:00", pytest.approx(24)),
        ("2025-03-30T00:00:00+00:00", pytest.approx(23)),
    ]
    assert found["next"] is None


def test_a_range_of_days_is_one_figure(miner):
    found = asked("aggregate", "--type", "energy_cost", *SPAN)
    (figure,) = found["results"]
    assert (figure["start"], figure["end"]) == ("2025-03-29T00:00:00+00:00", "2025-03-31T00:00:00+01:00")
    assert figure["value_json"]["total_kwh"] == pytest.approx(47)
    weeks = asked(
        "aggregate", "--type", "energy_cost", "--into", "weekly", "--from", "2025-03-29", "--to", "2025-03-31"
    )
    assert [round(w["value_json"]["total_kwh"]) for w in weeks["results"]] == [47, 11]


def test_an_average_says_how_it_comes_about(miner):
    (found,) = asked("average", "--type", "energy_cost", "--key", "total_kwh", *SPAN)["results"]
    assert (found["kind"], found["value"]) == ("total", pytest.approx(23.5))


def test_a_percentile_of_the_range(miner):
    (found,) = asked("percentile", "--type", "temperature", "--percent", "50", *SPAN)["results"]
    assert (found["percent"], found["entity_type"]) == (50, "system")


def test_a_miner_is_found_by_its_name_and_by_its_id(miner):
    by_name = asked("miner", "garage [1]", *SPAN)
    assert by_name == asked("miner", str(miner.pk), *SPAN)
    assert [r["metric_type"] for r in by_name["results"]][:2] == ["earnings", "efficiency"]
    assert "garage" not in query("miner", str(miner.pk), *SPAN)


def test_ranks_name_the_miners(miner):
    for question in ("top", "bottom"):
        (found,) = asked(question, "--type", "hashrate", "--key", "avg", *SPAN)["results"]
        assert (found["rank"], found["miner"], found["avg"]) == (1, "garage [1]", pytest.approx(500))
    assert "garage [1]" in query("top", "--type", "hashrate", "--key", "avg", *SPAN)


def test_the_fleet_in_the_period_that_holds_a_moment(miner):
    (found,) = asked("fleet", "--type", "uptime", "--at", "2025-03-30T12:00Z")["results"]
    assert (found["timestamp"], found["value_json"]["elapsed_s"]) == ("2025-03-30T00:00:00+00:00", 23 * 3600)
    (opened,) = asked("fleet", "--type", "uptime")["results"]
    assert (opened["source"], opened["value_json"]["partial"]) == ("live", True)


def test_the_latest_are_the_last_closed_and_the_open_period(miner):
    found = asked("latest", "--type", "uptime", "--period", "hourly", "--entity-type", "system")["results"]
    assert [(r["timestamp"], r["source"]) for r in found] == [("2025-03-31T10:00:00+01:00", "store")]
    days = asked("latest", "--type", "uptime", "--entity-type", "system")["results"]
    assert [r["source"] for r in days] == ["store", "live"]


@pytest.mark.parametrize(
    "question",
    [
        ("range", "--type", "energy_cost", "--period", "hourly", *SPAN),
        ("miner", "garage [1]", "--period", "hourly", *SPAN),
        ("aggregate", "--type", "hashrate", "--period", "slot", "--into", "hourly", *SPAN),
        ("latest", "--type", "hashrate"),
        ("jobs", "--days", "9"),
    ],
)
def test_pages_on_the_command_line_are_the_whole(miner, question):
    for n in range(7):
        JobRun.objects.create(
            name="run_hourly", started_at=NOW - timedelta(hours=n // 2), duration_s=n, success=True
        )
    whole = asked(*question)
    assert len(whole["results"]) > 2
    walked, cursor = [], []
    while cursor is not None:
        page = asked(*question, "--limit", "2" if len(whole["results"]) < 20 else "30", *cursor)
        walked += page["results"]
        cursor = ["--cursor", page["next"]] if page["next"] else None
    assert walked == whole["results"] or _without_time(walked) == _without_time(whole["results"])


def _without_time(rows):
    return [{k: v for k, v in row.items() if k != "computed_at"} for row in rows]


def test_jobs_are_listed_filtered_and_counted(miner):
    JobRun.objects.all().delete()
    for n, good in enumerate([True, False, True]):
        JobRun.objects.create(
            name=f"job{n % 2}",
            started_at=NOW - timedelta(hours=n, minutes=1),
            duration_s=n + 0.5,
            success=good,
            error="" if good else "Boom",
        )
    assert [r["name"] for r in asked("jobs")["results"]] == ["job0", "job1", "job0"]
    assert [r["error"] for r in asked("jobs", "--no-success")["results"]] == ["Boom"]
    assert [r["duration_s"] for r in asked("slowest", "-n", "2")["results"]] == [2.5, 1.5]
    assert [r["duration_s"] for r in asked("jobs", "--min-duration", "1")["results"]] == [1.5, 2.5]
    every, *each = asked("job-statistics")["results"]
    assert (every["name"], every["runs"], every["success_rate"]) == (None, 3, pytest.approx(2 / 3))
    assert [(j["name"], j["max_s"], j["last_error"]) for j in each] == [
        ("job0", 2.5, ""),
        ("job1", 1.5, "Boom"),
    ]


def test_the_summary_has_one_of_each(miner):
    (found,) = asked("summary")["results"]
    assert found["states"]["new"] == 1
    assert found["today"]["kwh"] == pytest.approx(11)
    assert found["queue"] == {"waiting": 0, "at_work": 0}
    text = query("summary")
    assert "today kwh" in text


def test_every_question_has_a_table_and_an_example_in_the_help(miner):
    needs = {
        "--type": "hashrate",
        "--key": "avg",
    }
    for question in QUESTIONS:
        words = question.example.split()[2:]
        assert words[0] == question.name
        options = [w for w in words if w in needs]
        args = [a for option in options for a in (option, needs[option])]
        extra = ["garage [1]"] if question.name == "miner" else []
        one = ["--entity-type", "miner", "--entity-id", str(miner.pk)] if question.name == "average" else []
        assert query(question.name, *extra, *args, *one).strip()


@pytest.mark.parametrize(
    ("args", "complaint"),
    [
        (["range", "--type", "watts"], "^--type: 'watts' is unknown; there are: earnings, efficiency"),
        (
            ["range", "--type", "hashrate", "--entity-type", "miner", "--entity-id", "99999"],
            "^--entity-id: there is no miner 99999",
        ),
        (
            ["range", "--type", "hashrate", "--entity-id", "9" * 30],
            "^--entity-id: there is no miner or site or pool 9999",
        ),
        (
            ["range", "--type", "pool_health", "--entity-type", "pool", "--entity-id", "99999"],
            "^--entity-id: there is no pool 99999",
        ),
        (
            ["latest", "--type", "hashrate", "--entity-type", "site", "--entity-id", "99999"],
            "there is no site 99999",
        ),
        (["aggregate", "--type", "hashrate", "--entity-id", "1"], "^--entity-id: the system has no id"),
        (["average", "--type", "hashrate", "--key", "avg", "--entity-type", "miner"], "which miner"),
        (
            [
                "average",
                "--type",
                "hashrate",
                "--key",
                "avg",
                "--entity-type",
                "site",
                "--entity-id",
                "99999",
            ],
            "there is no site",
        ),
        (
            ["range", "--type", "hashrate", "--from", "2025-03-02", "--to", "2025-03-01"],
            "^--to: must be after from",
        ),
        (["miner", "garage [1]", "--from", "2025-03-02", "--to", "2025-03-01"], "^--to: must be after from"),
        (
            ["top", "--type", "hashrate", "--key", "avg", "--to", "2025-03-01T00:00"],
            "^--to: .* no UTC offset",
        ),
        (["jobs", "--from", "2025-03-01T00:00"], "^--from: .* no UTC offset"),
        (["jobs", "--min-duration", "nan"], "^--min-duration: must be 0 or more"),
        (["fleet", "--type", "hashrate", "--at", ""], "^--at: '' is neither"),
        (["range", "--type", "hashrate", "--limit", "9" * 30], "^--limit: must be 1 to 1000000"),
        (["range", "--type", "hashrate", "--period", "yearly"], "period: .*there are: slot"),
        (["range", "--type", "hashrate", "--entity-type", "rack"], "entity-type: .*there are: miner"),
        (["range", "--type", "hashrate", "--from", "yesterday"], "from: 'yesterday' is neither"),
        (["range", "--type", "hashrate", "--from", "2025-03-01T00:00"], "has no UTC offset"),
        (["range", "--type", "hashrate", "--days", "0"], "days: must be 1"),
        (["range", "--type", "hashrate", "--days", "1", "--to", "2025-03-01"], "days: cannot go together"),
        (["range", "--type", "hashrate", "--limit", "0"], "limit: must be 1"),
        (["range", "--type", "hashrate", "--cursor", "2025-03-01"], "cursor: "),
        (["range", "--type", "hashrate", "--cursor", "2025-03-01T00:00/miner/1"], "cursor: "),
        (["range", "--type", "hashrate", "--cursor", "0001-01-01T00:00:00+23:00/miner/1"], "^--cursor: "),
        (
            ["range", "--type", "hashrate", "--entity-type", "pool"],
            "^--entity-type: 'pool' is unknown of hashrate; there are: miner, site, system",
        ),
        (
            ["top", "--type", "pool_health", "--key", "health_score"],
            "^--type: 'pool_health' is unknown of a miner; there are: earnings, efficiency",
        ),
        (["percentile", "--type", "uptime"], "^--type: 'uptime' is unknown of percentiles; there are: hash"),
        (["average", "--type", "hashrate", "--key", "watts"], "key: .*there are: records, coverage, avg"),
        (["top", "--type", "hashrate", "--key", "unit"], "key: "),
        (["top", "--type", "hashrate", "--key", "avg", "-n", "0"], "^-n: must be 1 to 1000"),
        (["aggregate", "--type", "hashrate", "--into", "hourly"], "into: .*weekly, monthly"),
        (["miner", "nobody"], "^MINER: there is no miner 'nobody'"),
        (["jobs", "--name", "nothing"], "^--name: 'nothing' is unknown; there are: none yet"),
        (["fleet", "--type", "hashrate", "--at", "now"], "at: 'now' is neither"),
        (["guess"], "invalid choice: 'guess'"),
        (["range"], "--type"),
    ],
)
def test_bad_questions_end_in_one_line(miner, args, complaint):
    with pytest.raises(CommandError, match=complaint) as refused:
        query(*args)
    assert refused.value.returncode == 2
    assert "\n" not in str(refused.value)
