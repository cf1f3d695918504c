"""What an address asks the ledger for."""

from datetime import UTC, date, datetime
from urllib.parse import parse_qsl

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metrics.ledger.asked import LedgerAsked, ledger_asked
from metrics.query import Refused

TODAY = date(2026, 6, 1)
DAYS = st.dates(date(2000, 1, 2), date(2099, 12, 30))
PLACES = st.tuples(
    st.integers(0, 4_000_000_000).map(lambda s: datetime.fromtimestamp(s, UTC)),
    st.integers(1, 2**31 - 1),
)


@given(
    st.builds(LedgerAsked, DAYS, after=st.none() | PLACES)
    | st.builds(LedgerAsked, DAYS, together=st.just(True))
    | st.builds(LedgerAsked, DAYS, miner=st.text("aß &=+%/é", min_size=1).filter(lambda t: t == t.strip()))
)
def test_an_address_means_what_it_was_made_of(asked: LedgerAsked) -> None:
    assert ledger_asked(dict(parse_qsl(asked.query[1:])), TODAY) == asked


def test_no_day_is_before_the_first_or_after_the_last() -> None:
    assert LedgerAsked(date(2000, 1, 1)).day_before is None
    assert LedgerAsked(date(2099, 12, 31)).day_after is None
    assert LedgerAsked(date(2000, 1, 2)).day_before == LedgerAsked(date(2000, 1, 1))


def test_an_empty_address_is_every_miner_today() -> None:
    assert ledger_asked({}, TODAY) == LedgerAsked(TODAY)


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"day": "yesterday"}, "day"),
        ({"day": "1999-12-31"}, "day"),
        ({"of": "everything"}, "of"),
        ({"of": "together", "miner": "alpha"}, "of"),
        ({"after": "-"}, "after"),
        ({"after": "12"}, "after"),
        ({"after": "99999999999999-1"}, "after"),
        ({"after": "²-1"}, "after"),
        ({"after": "1-9223372036854775808"}, "after"),
    ],
)
def test_what_is_asked_wrongly_is_named(given: dict[str, str], field: str) -> None:
    with pytest.raises(Refused) as refused:
        ledger_asked(given, TODAY)
    assert refused.value.field == field
