"""Which page of the table of miners an address asks for."""

from urllib.parse import parse_qsl

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metrics.dashboard.table_page import ON_A_PAGE, TablePage, columns, pages, table_page
from metrics.query.conditions import Condition
from metrics.query.fleet_sql import SORTS

asked = st.builds(
    TablePage,
    sort=st.sampled_from(list(SORTS)),
    descending=st.booleans(),
    state=st.sampled_from(["", *Condition]),
    search=st.text(max_size=20).map(lambda text: text.replace("\x00", "").strip()),
    page=st.integers(1, 999_999),
    rows=st.sampled_from([0, 50, 100]),
)


@given(page=asked)
def test_an_address_asks_for_what_it_was_written_from(page: TablePage) -> None:
    assert table_page(dict(parse_qsl(page.query.removeprefix("?")))) == page


@pytest.mark.parametrize(
    "given",
    [
        {"sort": "id; DROP TABLE"},
        {"state": "asleep"},
        {"page": "0"},
        {"page": "-1"},
        {"page": "x"},
        {"page": "9" * 30},
        {"page": "²"},
        {"order": "up"},
        {"rows": "25"},
        {"rows": "26"},
        {"rows": "-50"},
        {"q": "\x00"},
    ],
)
def test_what_is_asked_wrongly_is_as_if_it_were_not(given: dict[str, str]) -> None:
    assert table_page(given) == TablePage()


def test_a_click_on_a_column_sorts_by_it_the_best_first_and_a_second_turns_it_round() -> None:
    by_key = {column.key: column for column in columns(TablePage(search="rig", page=3))}
    assert by_key["hashrate"].query == "?sort=hashrate&order=desc&q=rig"
    assert (by_key["spark"].query, by_key["hashrate"].order) == (None, "none")
    again = {column.key: column for column in columns(table_page({"sort": "hashrate", "order": "desc"}))}
    assert (again["hashrate"].order, again["hashrate"].query) == ("descending", "?sort=hashrate")


def test_pages_know_those_beside_them() -> None:
    first, last = pages(TablePage(), ON_A_PAGE + 1), pages(TablePage(page=2), ON_A_PAGE + 1)
    assert (first.first, first.last, first.before, first.after) == (1, ON_A_PAGE, None, "?page=2")
    assert (last.first, last.last, last.before, last.after) == (ON_A_PAGE + 1, ON_A_PAGE + 1, "?", None)
    assert pages(TablePage(), ON_A_PAGE).after is None


def test_more_rows_a_page_begin_anew_and_stay_in_the_address() -> None:
    here = table_page({"rows": "50", "page": "3", "sort": "power"})
    assert (here.asked().limit, here.asked().offset) == (50, 100)
    assert pages(here, 200).after == "?sort=power&rows=50&page=4"
    lengths = {each.rows: (each.query, each.is_chosen) for each in pages(here, 200).lengths}
    assert lengths == {
        25: ("?sort=power", False),
        50: ("?sort=power&rows=50", True),
        100: ("?sort=power&rows=100", False),
    }
    assert pages(TablePage(), ON_A_PAGE).lengths == []
