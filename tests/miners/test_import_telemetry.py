"""`import_telemetry`: whole or not at all, clipped like live rows, constant in what it needs."""

import gzip
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from hmm.models import DirtyRange
from miners.models import LatestReading, Miner, MinerSite, SetAside, Telemetry
from miners.telemetry.files import FileRefused
from miners.telemetry.importing import created
from miners.telemetry.rows import TelemetryRow
from miners.telemetry.write import write_rows
from tests.factories import MinerFactory, SiteFactory

HEADER = "miner,timestamp,power_w,hashrate_ghs,temperature_c,fan_rpm,accepted,rejected"
NOON = datetime(2025, 3, 1, 12, tzinfo=UTC)


@pytest.fixture
def miner(db: None) -> Miner:
    return MinerFactory(name="bench")


def line(second: int, power_w: float | str = 15.0, miner: str = "bench", covered_s: int | None = None) -> str:
    at = (NOON + timedelta(seconds=second)).isoformat()
    return f"{miner},{at},{power_w},1200,61.5,4200,1,0" + ("" if covered_s is None else f",{covered_s}")


def csv_file(directory: Path, *lines: str, header: str = HEADER) -> Path:
    path = directory / "history.csv"
    path.write_text("\n".join([header, *lines]) + "\n")
    return path


def load(path: Path, *options: str, capsys: pytest.CaptureFixture[str] | None = None) -> str:
    call_command("import_telemetry", str(path), *options)
    return capsys.readouterr().out if capsys else ""


def refused(path: Path, *options: str) -> str:
    with pytest.raises(CommandError) as caught:
        call_command("import_telemetry", str(path), *options)
    assert caught.value.returncode == 2
    assert "\n" not in str(caught.value)
    assert not Telemetry.objects.exists()
    assert not SetAside.objects.exists()
    assert not DirtyRange.objects.exists()
    return str(caught.value)


def intervals(name: str = "bench") -> list[tuple[int, int]]:
    rows = Telemetry.objects.filter(miner__name=name).order_by("timestamp")
    return [(int((r.timestamp - NOON).total_seconds()), r.covered_s) for r in rows]


def test_a_file_is_stored_with_the_latest_reading_and_dirty_hours(
    miner: Miner, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = load(csv_file(tmp_path, line(60), line(120, power_w=16.5)), capsys=capsys)
    assert out == "stored 2 rows, 0 unchanged, 0 set aside\n"
    row = Telemetry.objects.latest("timestamp")
    assert (row.power_w, row.hashrate_ghs, row.temperature_c) == (16.5, 1200.0, 61.5)
    assert (row.fan_rpm, row.accepted, row.rejected) == (4200, 1, 0)
    assert LatestReading.objects.get(miner=miner).power_w == 16.5
    (dirty,) = DirtyRange.objects.all()
    assert (dirty.entity_ids, dirty.start, dirty.end) == ([miner.pk], NOON, NOON + timedelta(hours=1))


def test_importing_again_changes_nothing(
    miner: Miner, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = csv_file(tmp_path, line(60), line(120))
    load(path)
    DirtyRange.objects.all().delete()
    capsys.readouterr()
    assert load(path, capsys=capsys) == "stored 0 rows, 2 unchanged, 0 set aside\n"
    assert not DirtyRange.objects.exists()


def test_without_covered_s_a_row_stands_for_the_gap_before_it(miner: Miner, tmp_path: Path) -> None:
    load(csv_file(tmp_path, *(line(second) for second in (60, 120, 180, 330))))
    assert intervals() == [(60, 60), (120, 60), (180, 60), (330, 150)]


def test_after_a_hole_a_row_stands_for_the_median_gap(miner: Miner, tmp_path: Path) -> None:
    load(csv_file(tmp_path, *(line(second) for second in (60, 120, 180, 331, 400))))
    assert intervals() == [(60, 64), (120, 60), (180, 60), (331, 151), (400, 69)]
    # Gaps 60, 60, 151, 69: the median is 64.5, so that 151 is no hole. A longer one is:
    Telemetry.objects.all().delete()
    LatestReading.objects.all().delete()
    load(csv_file(tmp_path, *(line(second) for second in (60, 120, 180, 1000, 1069))))
    assert intervals() == [(60, 64), (120, 60), (180, 60), (1000, 64), (1069, 69)]


def test_a_single_row_stands_for_one_poll_interval(tmp_path: Path, db: None) -> None:
    MinerFactory(name="bench", site=SiteFactory(poll_interval_s=45))
    load(csv_file(tmp_path, line(60)))
    assert intervals() == [(60, 45)]


def test_rows_may_come_in_any_order_and_gaps_are_those_of_each_miner(miner: Miner, tmp_path: Path) -> None:
    MinerFactory(name="other")
    lines = [line(180), line(400, miner="other"), line(60), line(100, miner="other"), line(120)]
    load(csv_file(tmp_path, *lines))
    assert intervals() == [(60, 60), (120, 60), (180, 60)]
    assert intervals("other") == [(100, 300), (400, 300)]


def test_a_repeated_line_makes_no_gap(
    miner: Miner, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = [line(60), line(120), line(120), line(120, power_w=99.0), line(180)]
    assert load(csv_file(tmp_path, *lines), capsys=capsys) == "stored 3 rows, 1 unchanged, 1 set aside\n"
    assert intervals() == [(60, 60), (120, 60), (180, 60)]
    assert SetAside.objects.get().row["power_w"] == 99.0


def test_covered_s_is_taken_as_given_and_derived_where_empty(miner: Miner, tmp_path: Path) -> None:
    lines = [line(60, covered_s=10), line(120) + ",", line(180, covered_s=20)]
    load(csv_file(tmp_path, *lines, header=f"{HEADER},covered_s"))
    assert intervals() == [(60, 10), (120, 60), (180, 20)]


def test_an_import_goes_among_live_rows_as_late_rows_do(miner: Miner, tmp_path: Path) -> None:
    live = TelemetryRow(miner.pk, NOON + timedelta(seconds=150), 100, power_w=15.0)
    write_rows([live], source="collector", now=NOON + timedelta(hours=1))
    load(csv_file(tmp_path, line(60), line(120), line(180)))
    assert intervals() == [(60, 60), (120, 60), (150, 30), (180, 30)]
    assert LatestReading.objects.get(miner=miner).timestamp == NOON + timedelta(seconds=180)


def test_json_lines_and_gzip(miner: Miner, tmp_path: Path) -> None:
    names = HEADER.split(",")
    one = dict(zip(names, ["bench", (NOON).isoformat(), 15.5, 1200, None, 4200, 3, 0], strict=True))
    path = tmp_path / "history.jsonl.gz"
    path.write_bytes(gzip.compress((json.dumps(one | {"covered_s": 90}) + "\n\n").encode()))
    load(path)
    assert intervals() == [(0, 90)]
    assert Telemetry.objects.get().temperature_c is None


def test_a_byte_order_mark_and_dos_line_ends_are_no_matter(miner: Miner, tmp_path: Path) -> None:
    path = tmp_path / "history.csv"
    path.write_bytes(b"\xef\xbb\xbf" + f"{HEADER}\r\n{line(60)}\r\n".encode())
    load(path)
    assert intervals() == [(60, 30)]


def test_a_file_with_a_bad_line_is_refused_whole_and_the_line_named(miner: Miner, tmp_path: Path) -> None:
    message = refused(csv_file(tmp_path, line(60), line(120, power_w="abc"), line(180)))
    assert "line 3: power_w 'abc' is not a number" in message
    assert "Nothing was imported" in message


def test_with_keep_going_bad_lines_are_set_aside_counted_and_the_rest_is_stored(
    miner: Miner, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "history.csv"
    lines = [line(60), line(120, power_w="a\tb\\"), line(180), line(240, miner="nobody"), "torn"]
    path.write_bytes("\n".join([HEADER, *lines, ""]).encode() + b"\xff\x00,x\n")
    load(path, "--keep-going")
    out, err = capsys.readouterr()
    assert out == "stored 2 rows, 0 unchanged, 4 set aside\n"
    assert err.startswith("4 lines could not be believed")
    asides = list(SetAside.objects.order_by("pk"))
    assert [aside.row["line"] for aside in asides] == [3, 5, 6, 7]
    assert "power_w" in asides[0].reason
    assert "a\tb\\" in asides[0].row["text"]
    assert "no miner is called 'nobody'" in asides[1].reason
    assert intervals() == [(60, 120), (180, 120)]


def test_unknown_miners_are_listed_and_refused(miner: Miner, tmp_path: Path) -> None:
    message = refused(csv_file(tmp_path, line(60), *(line(60, miner=f"new-{n}") for n in range(12))))
    assert "do not exist, from line 3 on: new-0, new-1, " in message
    assert "and 2 more" in message
    assert "--create-miners" in message


def test_unknown_miners_are_created_at_the_site_on_request(
    miner: Miner, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    site = SiteFactory(poll_interval_s=77)
    path = csv_file(tmp_path, line(60), line(60, miner="new"))
    out = load(path, "--create-miners", "--site-id", str(site.pk), capsys=capsys)
    assert out.splitlines()[0] == "created 1 miner: new"
    new = Miner.objects.get(name="new")
    assert (new.site, new.host, new.pk in set(MinerSite.objects.values_list("miner", flat=True))) == (
        site,
        "",
        True,
    )
    assert intervals("new") == [(60, 77)]


def test_no_miner_is_created_by_a_refused_file(miner: Miner, tmp_path: Path) -> None:
    refused(csv_file(tmp_path, line(60, miner="new"), line(60, power_w=-1)), "--create-miners")
    assert not Miner.objects.filter(name="new").exists()


def test_a_miner_that_somebody_else_creates_meanwhile_is_said_so(miner: Miner) -> None:
    with pytest.raises(FileRefused, match="somebody else has just created; import it again"):
        created([miner.name], miner.site)


def test_an_unknown_site_is_named_with_those_there_are(miner: Miner, tmp_path: Path) -> None:
    message = refused(csv_file(tmp_path, line(60)), "--create-miners", "--site-id", "999")
    assert "no site has the id 999; there are: " in message


@pytest.mark.parametrize(
    ("content", "named"),
    [
        (b"", "is empty: a header or a JSON object is wanted"),
        (b"\xef\xbb\xbf", "is empty"),
        (gzip.compress(b"", mtime=0), "is empty"),
        (f"\n{HEADER}\n".encode(), "begins with an empty line"),
        (b"miner,timestamp\n", "line 1 has no column 'power_w'"),
        (b"\x1f\x8bnot gzip at all", "damaged"),
        (gzip.compress(f"{HEADER}\n{line(60)}\n".encode() * 500, mtime=0)[:-200], "damaged"),
    ],
)
def test_a_file_that_is_none_is_one_clear_line(
    miner: Miner, tmp_path: Path, content: bytes, named: str
) -> None:
    path = tmp_path / "history.csv"
    path.write_bytes(content)
    assert named in refused(path)


def test_a_missing_file_and_a_directory_are_one_clear_line(miner: Miner, tmp_path: Path) -> None:
    assert "No such file" in refused(tmp_path / "none.csv")
    assert "Is a directory" in refused(tmp_path)


def test_a_header_alone_is_said_to_have_no_rows(
    miner: Miner, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    said = "there are no rows in this file, only a header: nothing was imported\n"
    assert load(csv_file(tmp_path), capsys=capsys) == said


def test_a_row_in_the_future_is_refused(miner: Miner, tmp_path: Path) -> None:
    ahead = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    assert "ahead of now" in refused(csv_file(tmp_path, f"bench,{ahead},1,1,1,1,1,1"))
