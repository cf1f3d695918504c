import gzip
import io
import tracemalloc
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from zoneinfo import ZoneInfo

import pytest
from django.core.management import CommandError, call_command

from energy.models import PriceSlot, Tariff
from energy.points import PricePoint
from energy.price_files import read_price_file
from energy.prices import prices_between, store_prices
from hmm.models import DirtyRange
from tests.factories import TariffFactory

pytestmark = pytest.mark.django_db

T0 = datetime(2025, 3, 30, tzinfo=UTC)
HALF_HOUR = timedelta(minutes=30)
HEADER = "start,end,pence_per_kwh"
ROW = "2025-03-30T00:00Z,2025-03-30T00:30Z,12.5"


@pytest.fixture
def tariff() -> Tariff:
    return TariffFactory(name="Imported")


@pytest.fixture
def run(tariff, tmp_path, capsys):
    """Import a file of this text (or these bytes) and return what was printed."""

    def run(content: str | bytes, name: str = "prices.csv") -> str:
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        call_command("import_prices", str(path), tariff=tariff.pk)
        return capsys.readouterr().out

    return run


def stored(tariff: Tariff) -> list[PricePoint]:
    return prices_between(tariff.pk, T0 - timedelta(days=2), T0 + timedelta(days=400))


def text(*rows: str) -> str:
    return "\n".join([HEADER, *rows, ""])


def refused(run, content: str | bytes) -> str:
    with pytest.raises(CommandError) as caught:
        run(content)
    assert caught.value.returncode == 2
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_a_file_is_imported_and_what_it_changes_is_marked(run, tariff):
    said = run(text(ROW, "2025-03-30T01:30:00+01:00,2025-03-30T02:00:00+01:00,-3"))
    assert said == f"Imported (tariff {tariff.pk}): 2 added, 0 changed, 0 unchanged\n"
    assert stored(tariff) == [
        PricePoint(T0, T0 + HALF_HOUR, 12.5),
        PricePoint(T0 + HALF_HOUR, T0 + 2 * HALF_HOUR, -3.0),
    ]
    assert list(DirtyRange.objects.values_list("start", "end")) == [(T0, T0 + 2 * HALF_HOUR)]


def test_identical_slots_are_replaced(run, tariff):
    run(text(ROW, "2025-03-30T00:30Z,2025-03-30T01:00Z,1"))
    said = run(text(ROW, "2025-03-30T00:30Z,2025-03-30T01:00Z,2", "2025-03-30T01:00Z,2025-03-30T01:30Z,3"))
    assert "1 added, 1 changed, 1 unchanged" in said
    assert [p.pence_per_kwh for p in stored(tariff)] == [12.5, 2, 3]


@pytest.mark.parametrize(
    "content",
    [
        text(ROW).replace("\n", "\r\n").encode(),
        b"\xef\xbb\xbf" + text(ROW).encode(),
        gzip.compress(text(ROW).encode(), mtime=0),
        text(ROW).strip().encode(),
        text("", ROW, "", "").encode(),
        b"pence_per_kwh, start ,end\n 12.5 , 2025-03-30T00:00:00Z,2025-03-30 00:30:00+00:00\n",
        b'"start","end","pence_per_kwh"\n"20250330T000000Z","2025-03-30T02:30:00+02:00","+1.25e1"\n',
    ],
)
def test_every_usual_form_of_a_file_is_read(run, tariff, content):
    assert "1 added" in run(content)
    assert stored(tariff) == [PricePoint(T0, T0 + HALF_HOUR, 12.5)]


def test_the_order_of_rows_does_not_matter(run, tariff):
    run(text("2025-03-30T00:30Z,2025-03-30T01:00Z,1", ROW))
    assert [p.pence_per_kwh for p in stored(tariff)] == [12.5, 1]


def test_standard_input_is_read(tariff, monkeypatch, capsys):
    monkeypatch.setattr("sys.stdin", SimpleNamespace(buffer=io.BytesIO(text(ROW).encode())))
    call_command("import_prices", "-", tariff=tariff.pk)
    assert "1 added" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("2025-03-30T00:30,2025-03-30T01:00Z,1", "start '2025-03-30T00:30' has no UTC offset"),
        ("2025-03-30T00:30Z,2025-03-30T01:00,1", "end '2025-03-30T01:00' has no UTC offset"),
        ("2025-03-30,2025-03-31,1", "no UTC offset"),
        ("2025-03-30T00:30+00:00:30,2025-03-30T01:00Z,1", "a UTC offset that there is not"),
        ("30/03/2025 00:30,2025-03-30T01:00Z,1", "not an ISO 8601 time"),
        (",2025-03-30T01:00Z,1", "not an ISO 8601 time"),
        ("0001-01-01T00:00+02:00,2025-03-30T01:00Z,1", "beyond the calendar"),
        ("2025-03-30T00:30Z,2025-03-30T01:00Z,nan", "'nan' is not a number"),
        ("2025-03-30T00:30Z,2025-03-30T01:00Z,inf", "'inf' is not a number"),
        ("2025-03-30T00:30Z,2025-03-30T01:00Z,-Infinity", "is not a number"),
        ("2025-03-30T00:30Z,2025-03-30T01:00Z,", "'' is not a number"),
        ("2025-03-30T00:30Z,2025-03-30T01:00Z,1_000", "is not a number"),
        ('2025-03-30T00:30Z,2025-03-30T01:00Z,"12,5"', "'12,5' is not a number"),
        ("2025-03-30T00:30Z,2025-03-30T01:00Z,1e400", "not a possible price"),
        ("2025-03-30T00:30Z,2025-03-30T01:00Z,1e9", "not a possible price"),
        ("2025-03-30T00:30Z,2025-03-30T01:00Z,-5e-324", "not a possible price"),
        ("2025-03-30T00:31Z,2025-03-30T01:00Z,1", "mark of five minutes"),
        ("0205-03-30T00:30Z,2025-03-30T00:00Z,1", "is not between 2000 and 2100"),
        ("2025-03-30T00:30Z,9999-12-31T00:00Z,1", "is not between 2000 and 2100"),
        ("2025-03-30T00:30Z,2025-03-30T00:59:59Z,1", "mark of five minutes"),
        ("2025-03-30T01:00Z,2025-03-30T00:30Z,1", "ends before it has begun"),
        ("2025-03-30T01:00Z,2025-03-30T01:00Z,1", "ends before it has begun"),
        ("2025-03-30T00:30Z,2025-03-30T01:00Z", "2 values instead of 3"),
        ("2025-03-30T00:30Z,2025-03-30T01:00Z,1,", "4 values instead of 3"),
        (ROW, "overlaps 2025-03-30T00:00Z to 2025-03-30T00:30Z of line 2"),
        ("2025-03-30T00:25Z,2025-03-30T01:00Z,1", "of line 2"),
        ("2025-03-30T00:30Z,2025-03-30T01:00Z,1" + " " * 5000, "longer than"),
        ('2025-03-30T00:30Z,"2025-03-30T01:00Z"x,1', "not CSV"),
    ],
)
def test_a_wrong_row_refuses_the_file_with_its_line(run, tariff, row, reason):
    later = "2025-03-30T05:00Z,2025-03-30T05:30Z,1"
    said = refused(run, text(ROW, "2025-03-30T04:00Z,2025-03-30T04:30Z,1", row, later))
    assert ", line 4: " in said
    assert reason in said
    assert stored(tariff) == []
    assert not DirtyRange.objects.exists()


def test_a_partial_overlap_with_what_is_stored_is_refused_with_its_line(run, tariff):
    store_prices(tariff, [PricePoint(T0 + HALF_HOUR, T0 + 3 * HALF_HOUR, 9)])
    said = refused(run, text(ROW, "2025-03-30T01:00Z,2025-03-30T01:30Z,1"))
    assert ", line 3: 2025-03-30T01:00Z to 2025-03-30T01:30Z overlaps" in said
    assert "2025-03-30T00:30Z to 2025-03-30T01:30Z stored before" in said
    assert len(stored(tariff)) == 1


@pytest.mark.parametrize(
    ("header", "reason"),
    [
        ("start,end", "the column pence_per_kwh is missing"),
        ("start,end,price", "the column pence_per_kwh is missing"),
        ("start,end,pence_per_kwh,end", "the column end is there twice"),
        ("start,end,pence_per_kwh,note", "the column 'note' is unknown"),
        ("start,end,cent_per_kwh", "the column 'cent_per_kwh' tells of another currency"),
        ("start,end,eur_per_mwh", "the column 'eur_per_mwh' tells of another currency or unit"),
        ("start,end,pence_per_kwh,currency", "the column 'currency' tells of another currency"),
        ("start;end;pence_per_kwh", "the column start is missing"),
        ("Start,End,Pence_per_kWh", "the column start is missing"),
        (ROW, "the column start is missing"),
        ("", "are missing"),
    ],
)
def test_wrong_columns_are_refused(run, tariff, header, reason):
    said = refused(run, f"{header}\n{ROW}\n")
    assert ", line 1: " in said
    assert reason in said
    assert stored(tariff) == []


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "line 1: the columns start,end,pence_per_kwh are missing"),
        (HEADER.encode() + b"\n", "line 1: there are no prices"),
        (text(ROW).encode("utf-16"), "line 1: not UTF-8"),
        (text(ROW).encode() + b"\xff\xfe\n", "line 3: not UTF-8"),
        (b"\0" * 20_000, "longer than"),
        (gzip.compress(text(ROW).encode(), mtime=0)[:-9], "damaged or cut off"),
        (b"\x1f\x8b" + b"x" * 50, "damaged or cut off"),
    ],
)
def test_a_file_that_is_no_price_file_is_refused(run, tariff, content, reason):
    assert reason in refused(run, content)
    assert stored(tariff) == []


def test_a_file_that_is_not_there_is_said_so(tariff, tmp_path):
    for path, reason in [(tmp_path / "none.csv", "No such file"), (tmp_path, "Is a directory")]:
        with pytest.raises(CommandError, match=reason) as caught:
            call_command("import_prices", str(path), tariff=tariff.pk)
        assert caught.value.returncode == 2


@pytest.mark.parametrize("number", [0, -1, 987_654, 10**12])
def test_an_unknown_tariff_is_said_so(number, tmp_path, tariff):
    with pytest.raises(CommandError, match=f"there is no tariff {number}; there are: .*Imported") as caught:
        call_command("import_prices", str(tmp_path / "x.csv"), tariff=number)
    assert caught.value.returncode == 2


def test_a_finer_file_makes_the_tariff_finer(run, tariff):
    run(text("2025-03-30T00:00Z,2025-03-30T00:15Z,1"))
    tariff.refresh_from_db()
    assert tariff.slot_s == 900


def test_both_clock_changes_are_whole(run, tariff):
    """A file in local time with offsets: 46 and 50 half-hours, the repeated hour told apart by its offset."""
    spring = [f"{_local(T0 + n * HALF_HOUR)},{_local(T0 + (n + 1) * HALF_HOUR)},{n}" for n in range(46)]
    october = datetime(2025, 10, 25, 23, tzinfo=UTC)
    autumn = [
        f"{_local(october + n * HALF_HOUR)},{_local(october + (n + 1) * HALF_HOUR)},{n}" for n in range(50)
    ]
    assert "96 added" in run(text(*spring, *autumn))
    assert "96 unchanged" in run(text(*spring, *autumn))
    assert len(stored(tariff)) == 96


def _local(moment: datetime) -> str:
    return moment.astimezone(ZoneInfo("Europe/London")).isoformat()


def test_a_long_file_is_not_held_in_memory():
    def lines():
        yield HEADER.encode() + b"\n"
        for n in range(12_000):
            start, end = T0 + n * HALF_HOUR, T0 + (n + 1) * HALF_HOUR
            yield f"{start.isoformat()},{end.isoformat()},1\n".encode()

    class Endless(io.RawIOBase):
        def __init__(self) -> None:
            self.lines, self.rest = lines(), b""

        def readable(self) -> bool:
            return True

        def readinto(self, buffer) -> int:
            self.rest = self.rest or next(self.lines, b"")
            taken, self.rest = self.rest[: len(buffer)], self.rest[len(buffer) :]
            buffer[: len(taken)] = taken
            return len(taken)

    tracemalloc.start()
    rows = sum(1 for _ in read_price_file(io.BufferedReader(Endless())))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert rows == 12_000
    assert peak < 300_000  # the file has 700,000 bytes


def test_two_months_of_five_minute_prices_are_stored(run, tariff):
    rows = [
        f"{(T0 + n * timedelta(minutes=5)).isoformat()},{(T0 + (n + 1) * timedelta(minutes=5)).isoformat()},{n % 50}"
        for n in range(18_000)
    ]
    assert "18000 added" in run(gzip.compress(text(*rows).encode()), "prices.csv.gz")
    assert PriceSlot.objects.filter(tariff=tariff).count() == 18_000
    assert "18000 unchanged" in run(text(*rows))
