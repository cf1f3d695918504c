"""The command: what it refuses, in one line, and what it leaves behind."""

import gzip
import json
import os
import re
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import psycopg
import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext

from hmm.lib.locks import lock_number
from metrics.engine.run import LOCK, run
from metrics.exports import exporters
from metrics.query import prepared
from miners.models import Miner
from tests.metrics.api.conftest import tell
from tests.metrics.exports.conftest import HOUR, MORNING, NOON, NOW, Export, manage
from tests.waiting import wait_for

DAY = timedelta(days=1)


def refusal(*arguments: str) -> str:
    """Run the command, which must end with exit status 2; return its one line."""
    with pytest.raises(CommandError) as refused:
        call_command("export_metrics", *arguments)
    assert refused.value.returncode == 2
    assert "\n" not in str(refused.value)
    return str(refused.value)


def timestamps(text: str) -> list[str]:
    """Return the timestamps of the results of a JSON document."""
    return [result["timestamp"] for result in json.loads(text)["results"]]


def test_formats_are_those_of_the_registry() -> None:
    assert exporters.names() == ["csv", "json", "prometheus"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--format", "xml"], "xml"),
        (["--format", "json", "--type", "watts"], "watts"),
        (["--format", "json", "--period", "yearly"], "yearly"),
        (["--format", "json", "--entity-type", "rack"], "rack"),
        (
            ["--format", "json", "--type", "reject_rate", "--entity-type", "site"],
            "reject_rate has no figures of a site",
        ),
        (["--format", "json", "--from", "yesterday"], "'yesterday' is neither a date"),
        (["--format", "json", "--from", "2025-06-11T12:00"], "has no UTC offset"),
        (["--format", "json", "--from", "2025-06-12", "--to", "2025-06-10"], "ends .* before it begins"),
        (["--format", "json", "-o", "/nowhere/at/all"], "no directory /nowhere/at; make it first"),
        (["--format", "json", "-o", "/tmp"], "/tmp is a directory"),
        (["--format", "json", "-o", ""], "-o is empty"),
    ],
)
def test_bad_input_is_one_clear_line(db: None, arguments: list[str], words: str) -> None:
    assert re.search(words, refusal(*arguments))


def test_an_export_is_the_same_where_queries_are_kept(export: Export, morning: Miner) -> None:
    plain = timestamps(export("json", "--type", "energy_cost"))
    with CaptureQueriesContext(connection) as kept:  # as with HMM_DEBUG=1
        assert timestamps(export("json", "--type", "energy_cost")) == plain
    assert any(query["sql"].startswith("COPY") for query in kept)


def test_from_is_included_and_to_is_not(export: Export, morning: Miner) -> None:
    asked = ("--type", "uptime", "--period", "hourly", "--entity-type", "system")
    nine_to_ten = ("--from", "2025-06-11T08:00Z", "--to", "2025-06-11T10:00+00:00")
    assert timestamps(export("json", *asked, *nine_to_ten)) == [
        "2025-06-11T09:00:00+01:00",
        "2025-06-11T10:00:00+01:00",
    ]


def test_a_bare_date_is_a_local_day_and_included(export: Export, morning: Miner) -> None:
    asked = ("--type", "uptime", "--period", "hourly", "--entity-type", "system")
    assert len(timestamps(export("json", *asked, "--from", "2025-06-11", "--to", "2025-06-11"))) == 4
    assert timestamps(export("json", *asked, "--from", "2025-06-12", "--to", "2025-06-12")) == []


def test_words_may_be_repeated(export: Export, morning: Miner) -> None:
    text = export("json", "--type", "uptime", "--type", "hashrate", "--period", "slot", "--period", "hourly")
    found = {(r["metric_type"], r["period"]) for r in json.loads(text)["results"]}
    assert found == {(t, p) for t in ("uptime", "hashrate") for p in ("slot", "hourly")}


def test_open_periods_are_left_out(export: Export, miner: Miner) -> None:
    tell(miner, MORNING, NOW - timedelta(minutes=10), every_s=600, now=NOW)
    asked = ("--type", "uptime", "--entity-type", "miner", "--from", "2025-06-11")
    found = {(r["period"], r["timestamp"]) for r in json.loads(export("json", *asked))["results"]}
    assert ("slot", "2025-06-11T13:00:00+01:00") in found
    assert ("slot", "2025-06-11T13:30:00+01:00") not in found
    assert {period for period, _ in found} == {"slot", "hourly"}


def test_what_is_not_computed_yet_is_computed_first(export: Export, miner: Miner) -> None:
    run(MORNING)
    tell(miner, MORNING, NOON, now=NOW)
    assert len(timestamps(export("json", "--type", "uptime", "--period", "hourly"))) == 3 * 4


def test_too_much_to_compute_is_refused_as_in_the_api(miner: Miner, tmp_path: Path) -> None:
    run(NOW)
    tell(miner, NOW - 5 * DAY, NOW - HOUR, every_s=3600, now=NOW)
    target = tmp_path / "figures"
    said = refusal("--format", "csv", "--period", "daily", "-o", str(target))
    assert "are not computed yet; run: manage.py backfill_metrics --from 2025-06-06" in said
    assert os.listdir(tmp_path) == []


@pytest.mark.django_db(transaction=True)
def test_half_computed_figures_are_not_exported(
    miner: Miner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(MORNING)
    tell(miner, MORNING, NOON, now=NOW)
    monkeypatch.setattr(prepared, "PATIENCE_S", 0.05)
    with at_work():
        said = refusal("--format", "csv", "-o", str(tmp_path / "figures"))
    assert "are being computed just now" in said
    assert os.listdir(tmp_path) == []


def test_gzip_holds_the_same(export: Export, morning: Miner, tmp_path: Path) -> None:
    plain = export("csv")
    call_command("export_metrics", "--format", "csv", "--gzip", "-o", str(tmp_path / "figures.gz"))
    assert gzip.decompress((tmp_path / "figures.gz").read_bytes()).decode() == plain


def test_standard_output_is_the_default(
    export: Export, morning: Miner, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    expected = export("prometheus")
    for arguments in ([], ["-o", "-"]):
        call_command("export_metrics", "--format", "prometheus", *arguments)
        assert capfdbinary.readouterr().out.decode() == expected


def test_a_full_disk_is_one_clear_line(morning: Miner) -> None:
    assert refusal("--format", "json", "-o", "/dev/full") == "cannot write /dev/full: No space left on device"


@pytest.mark.process
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM])
def test_a_stopped_export_leaves_nothing(miner: Miner, tmp_path: Path, signum: int) -> None:
    with locked_store():
        process = manage("export_metrics", "--format", "csv", "-o", str(tmp_path / "figures"))
        wait_for(lambda: os.listdir(tmp_path), "the export to begin")
        process.send_signal(signum)
        _, said = process.communicate(timeout=60)
    assert (process.returncode, said) == (130, b"export_metrics: stopped\n")
    assert os.listdir(tmp_path) == []


@pytest.mark.process
@pytest.mark.django_db(transaction=True)
def test_a_reader_that_has_enough_is_no_error(miner: Miner) -> None:
    process = manage("export_metrics", "--format", "json")
    assert process.stdout
    process.stdout.close()
    assert process.wait(60) == 141
    assert process.stderr
    with process.stderr as stderr:
        assert stderr.read() == b""


@contextmanager
def locked_store() -> Iterator[None]:
    """Have everybody who reads the store wait."""
    with _another_connection() as other:
        other.execute("LOCK TABLE metrics_rollup IN ACCESS EXCLUSIVE MODE")
        yield


@contextmanager
def at_work() -> Iterator[None]:
    """Be a run of the engine that takes long."""
    with _another_connection() as other:
        other.execute("SELECT pg_advisory_xact_lock(%s)", [lock_number(LOCK)])
        yield


def _another_connection() -> psycopg.Connection:
    return psycopg.connect(**connection.get_connection_params() | {"cursor_factory": psycopg.Cursor})
