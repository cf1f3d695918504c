"""Which region a postcode is in."""

from datetime import UTC, datetime

import pytest

from energy.providers.octopus_agile import REGIONS
from energy.regions import NAMES, RegionUnknown, checked_postcode, region_of
from tests.energy.servers import Reply, canned_prices, simulated_prices

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)


def told(*groups: str) -> Reply:
    return Reply(
        {"count": len(groups), "next": None, "previous": None, "results": [{"group_id": g} for g in groups]}
    )


def test_every_region_has_a_name() -> None:
    assert "".join(NAMES) == REGIONS


@pytest.mark.parametrize(
    ("text", "postcode"),
    [("SW1A 1AA", "SW1A 1AA"), (" sw1a1aa ", "SW1A 1AA"), ("m1 1ae", "M1 1AE"), ("EC1A\t1BB", "EC1A 1BB")],
)
def test_a_postcode_is_taken_as_people_write_it(text: str, postcode: str) -> None:
    assert checked_postcode(text) == postcode


@pytest.mark.parametrize("text", ["", "SW1A", "90210", "SW1A 1A", "SW1A 1AA;", "ＳＷ1A 1AA", "x" * 1000])
def test_what_is_no_postcode_is_refused_before_anybody_is_asked(text: str) -> None:
    with pytest.raises(RegionUnknown, match="not a full British postcode"):
        region_of(text, "http://127.0.0.1:1")


@pytest.mark.parametrize(("postcode", "region"), [("sw1a1aa", "C"), ("M1 1AE", "G"), ("AB10 1AA", "P")])
def test_the_simulated_service_knows_regions(postcode: str, region: str) -> None:
    with simulated_prices(NOW) as (url, _):
        assert region_of(postcode, url) == region


def test_a_postcode_that_the_service_does_not_know() -> None:
    with simulated_prices(NOW) as (url, _), pytest.raises(RegionUnknown, match="knows no region for ZZ1 1ZZ"):
        region_of("zz1 1zz", url)


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (told("_C", "_D"), "knows no region"),
        (told("_I"), "a region that there is not"),
        (Reply({"results": [{"group": "_C"}]}), "no list of grid supply points"),
        (Reply([1]), "no list of grid supply points"),
        (Reply(b"<html>"), "could not be asked"),
        (Reply({}, status=404), "HTTP 404"),
    ],
)
def test_an_answer_of_no_use_is_explained(answer: Reply, why: str) -> None:
    with canned_prices(answer) as service, pytest.raises(RegionUnknown, match=why):
        region_of("SW1A 1AA", service.url)


def test_nobody_answers() -> None:
    with pytest.raises(RegionUnknown, match="could not be asked"):
        region_of("SW1A 1AA", "http://127.0.0.1:1")
