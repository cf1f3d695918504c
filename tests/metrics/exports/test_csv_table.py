"""CSV: what a spreadsheet reads, and nothing that it runs."""

import csv
import io

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from metrics.exports import exporters
from metrics.exports.csv_table import ABOUT, BYTE_ORDER_MARK, FORMULA_BEGINS, guarded, unguarded
from metrics.exports.read import current_setting
from metrics.models import Metric
from metrics.types import metric_types
from miners.models import Miner
from tests.metrics.exports.conftest import Export
from tests.metrics.exports.made_up import MadeUp, setting

HOURS = ("--period", "hourly", "--from", "2025-06-11T08:00Z", "--to", "2025-06-11T12:00Z")


def table(text: str) -> list[dict[str, str]]:
    """Read a table as a program does that knows of the mark at its beginning."""
    assert text.startswith(BYTE_ORDER_MARK)
    return list(csv.DictReader(io.StringIO(text.removeprefix(BYTE_ORDER_MARK), newline="")))


def test_one_row_a_metric_with_its_figures_as_columns(export: Export, morning: Miner) -> None:
    rows = table(export("csv", "--type", "energy_cost", "--entity-type", "miner", *HOURS))
    assert [row["timestamp"] for row in rows] == [f"2025-06-11T{h:02}:00:00+01:00" for h in (9, 10, 11, 12)]
    first = rows[0]
    assert list(first)[: len(ABOUT)] == list(ABOUT)
    assert (first["entity_type"], first["entity_id"], first["entity_name"]) == (
        "miner",
        str(morning.pk),
        "bench",
    )
    assert float(first["kwh"]) == pytest.approx(3.0)
    assert float(first["cost_gbp"]) == pytest.approx(0.6)


def test_every_figure_of_the_store_comes_back_exactly(export: Export, morning: Miner) -> None:
    rows = table(export("csv"))
    stored = Metric.objects.count()
    assert len(rows) == stored > 100
    for metric in Metric.objects.filter(period="hourly"):
        (found,) = [r for r in rows if _is_of(r, metric)]
        for key, value in metric.value_json.items():
            text = found[key]
            assert (text == "") if value is None else (text == value or float(text) == value)


def test_an_unknown_figure_is_an_empty_cell(export: Export, morning: Miner) -> None:
    rows = table(export("csv", "--type", "temperature", "--entity-type", "miner", *HOURS))
    assert {row["avg"] for row in rows} == {""}  # these readings say no temperature
    assert {row["unit"] for row in rows} == {"C"}


def test_the_header_does_not_depend_on_what_there_is(export: Export, morning: Miner) -> None:
    full = export("csv", "--type", "energy_cost", *HOURS).splitlines()
    empty = export("csv", "--type", "energy_cost", "--from", "2024-01-01", "--to", "2024-01-02").splitlines()
    assert len(full) > 1
    assert empty == full[:1]


def test_no_figure_has_the_name_of_another_column(morning: Miner) -> None:
    for name in metric_types.names():
        for row in Metric.objects.filter(metric_type=name)[:50]:
            assert not row.value_json.keys() & set(ABOUT)


def test_a_key_without_a_column_is_refused_not_lost() -> None:
    class Surprising(MadeUp):
        def keys(self, metric_type: str) -> list[str]:
            return ["kwh"]

    with pytest.raises(ValueError, match="energy_cost has keys without a column"):
        list(exporters["csv"].write(Surprising()))


@pytest.mark.parametrize("begin", [*"=+-@\t\r\n", "＝"])
def test_what_begins_as_a_formula_is_guarded(begin: str) -> None:
    assert guarded(f"{begin}cmd|' /C calc'!A0").startswith("'")


@given(name=st.text(st.characters(exclude_categories=["Cs"]), min_size=1))
@example('=HYPERLINK("http://example.org";"click")')
@example("'quoted'")
@example("''")
@example('a,"b"\r\nc;d\te')
@example("−5 °C Küche")
def test_every_name_comes_back_and_none_is_a_formula(name: str) -> None:
    text = "".join(exporters["csv"].write(MadeUp(hours=2, setting=setting(name))))
    cells = [row["entity_name"] for row in table(text)]
    assert [unguarded(cell) for cell in cells] == [name, name]
    assert not any(cell.startswith(FORMULA_BEGINS) for cell in cells)


def _is_of(row: dict[str, str], metric: Metric) -> bool:
    return (row["metric_type"], row["entity_type"], row["entity_id"], row["period"]) == (
        metric.metric_type,
        metric.entity_type,
        "" if metric.entity_id is None else str(metric.entity_id),
        metric.period,
    ) and row["timestamp"] == metric.timestamp.astimezone(current_setting().zone).isoformat()
