"""What is known of a make by the name that its devices give it."""

import re

import pytest

from miners.data_sheets import SHEETS, known_sheet, model_named, sheet_of
from miners.models import MinerModel
from miners.simulator.hardware import KINDS


@pytest.mark.parametrize(
    ("name", "hashrate_ghs"),
    [
        ("Bitaxe Gamma 601", 1_070.0),
        ("Gamma", 1_070.0),
        ("GammaTurbo", 2_140.0),
        ("Bitaxe GT 801", 2_140.0),
        ("BITAXE SUPRA", 625.0),
        ("Bitaxe Supra Hex 701", None),
        ("Bitaxe Gamma Duo 650", None),
        ("NerdQAxe++", 4_800.0),
        ("NerdQAxe+", 2_500.0),
        ("Avalon Nano 3S", 6_000.0),
        ("Avalon Nano 3", 4_000.0),
        ("Avalon Q", 90_000.0),
        ("Antminer S21", 200_000.0),
        ("Antminer S21 XP", None),
        ("Antminer S19j Pro+", None),
        ("a device of another kind", None),
    ],
)
def test_a_make_is_known_by_its_name_and_not_taken_for_its_relative(
    name: str, hashrate_ghs: float | None
) -> None:
    sheet = sheet_of(name)
    assert (sheet.hashrate_ghs if sheet else None) == hashrate_ghs


def test_what_is_known_is_believable_of_the_simulated_kinds() -> None:
    for name, hardware in KINDS.items():
        sheet = known_sheet(name)
        assert sheet.hashrate_ghs == pytest.approx(hardware.hashrate_ghs(hardware.reference), rel=0.15), name
        assert sheet.power_w == pytest.approx(hardware.power_w, rel=0.15), name
        assert hardware.temperature_c + 8 < sheet.limit_c, name


def test_no_pattern_is_written_twice_and_each_can_be_compiled() -> None:
    assert len({re.compile(sheet.pattern).pattern for sheet in SHEETS}) == len(SHEETS)


def test_a_make_without_a_sheet_is_named_in_the_error() -> None:
    with pytest.raises(KeyError, match="Abacus"):
        known_sheet("Abacus")


@pytest.mark.django_db
def test_a_model_is_made_with_its_references_once_and_then_left_as_it_is() -> None:
    made = model_named("Bitaxe Gamma 602", "axeos")
    assert (made.driver, made.manufacturer, made.max_temperature_c) == ("axeos", "Bitaxe", 75.0)
    MinerModel.objects.filter(pk=made.pk).update(reference_hashrate_ghs=None, max_temperature_c=60.0)
    again = model_named("Bitaxe Gamma 602", "axeos")
    assert (again.pk, again.reference_hashrate_ghs, again.max_temperature_c) == (made.pk, None, 60.0)
    assert model_named("Unheard Of", "cgminer").reference_power_w is None
