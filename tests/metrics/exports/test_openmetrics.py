"""OpenMetrics: what the reference parser and Prometheus itself take."""

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.metrics_core import Metric as ParsedFamily
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from metrics.exports import exporters
from metrics.exports.families import Family, family_of
from metrics.models import Metric
from metrics.types import metric_types
from miners.models import Miner
from tests.metrics.exports.conftest import Export, check_metrics
from tests.metrics.exports.made_up import MadeUp, setting

HOURS = ("--period", "hourly", "--from", "2025-06-11T08:00Z", "--to", "2025-06-11T12:00Z")
NINE = 1749628800  # 2025-06-11 09:00 in London

DUMPED = re.compile(r'\{__name__="(\w+)", (.*)\} (\S+) (\d+)')


def parsed(text: str) -> dict[str, ParsedFamily]:
    """Parse strictly: grouping, order in time, units and the end are checked on the way."""
    return {family.name: family for family in text_string_to_metric_families(text)}


@pytest.mark.parametrize(
    ("metric_type", "unit", "key", "expected"),
    [
        ("energy_cost", "kWh", "kwh", Family("hmm_energy_cost_kwh", "kwh", 0)),
        ("energy_cost", "kWh", "total_kwh", Family("hmm_energy_cost_total_kwh", "kwh", 0)),
        ("energy_cost", "kWh", "cost_gbp", Family("hmm_energy_cost_gbp", "gbp", 0)),
        ("energy_cost", "kWh", "avg_price_pence", Family("hmm_energy_cost_avg_price_pence", "pence", 0)),
        ("energy_cost", "kWh", "miner_count", Family("hmm_energy_cost_miners", "", 0)),
        ("hashrate", "GH/s", "avg", Family("hmm_hashrate_avg_hashes_per_second", "hashes_per_second", 9)),
        ("hashrate", "GH/s", "p95", Family("hmm_hashrate_p95_hashes_per_second", "hashes_per_second", 9)),
        ("hashrate", "GH/s", "stability", Family("hmm_hashrate_stability_ratio", "ratio", -2)),
        ("temperature", "C", "max", Family("hmm_temperature_max_celsius", "celsius", 0)),
        ("reject_rate", "%", "reject_rate", Family("hmm_reject_rate_ratio", "ratio", -2)),
        ("uptime", "%", "uptime", Family("hmm_uptime_ratio", "ratio", -2)),
        ("uptime", "%", "elapsed_s", Family("hmm_uptime_elapsed_seconds", "seconds", 0)),
        (
            "efficiency",
            "J/TH",
            "j_per_th",
            Family("hmm_efficiency_joules_per_terahash", "joules_per_terahash", 0),
        ),
        (
            "pool_health",
            "score",
            "response_time_ms",
            Family("hmm_pool_health_response_time_seconds", "seconds", -3),
        ),
        ("anything", "furlong", "avg", Family("hmm_anything_avg", "", 0)),
        ("anything", "furlong", "sum", Family("hmm_anything_sum_value", "", 0)),
    ],
)
def test_names_and_units(metric_type: str, unit: str, key: str, expected: Family) -> None:
    assert family_of(metric_type, unit, key, "GBP") == expected


def test_another_currency_is_in_the_name() -> None:
    assert family_of("energy_cost", "kWh", "cost_eur", "EUR").name == "hmm_energy_cost_eur"
    assert family_of("energy_cost", "kWh", "avg_price_cent", "EUR").name == "hmm_energy_cost_avg_price_cent"


def test_figures_stand_at_the_beginning_of_their_period(export: Export, morning: Miner) -> None:
    families = parsed(export("prometheus", "--entity-type", "miner", *HOURS))
    energy = families["hmm_energy_cost_kwh"]
    assert (energy.type, energy.unit) == ("gauge", "kwh")
    assert [float(s.timestamp) for s in energy.samples] == [NINE + n * 3600 for n in range(4)]
    assert energy.samples[0].labels == {
        "entity_type": "miner",
        "entity_id": str(morning.pk),
        "entity_name": "bench",
        "period": "hourly",
    }
    assert [s.value for s in energy.samples] == pytest.approx([3.0] * 4)
    hashrate = families["hmm_hashrate_avg_hashes_per_second"].samples[0]
    assert hashrate.value == pytest.approx(1e14)
    assert families["hmm_uptime_ratio"].samples[0].value == pytest.approx(1.0)


def test_every_number_of_the_store_is_there_once(export: Export, morning: Miner) -> None:
    families = parsed(export("prometheus"))
    numbers = [
        value
        for metric in Metric.objects.all()
        for value in metric.value_json.values()
        if isinstance(value, int | float)
    ]
    assert sum(len(family.samples) for family in families.values()) == len(numbers) > 500


def test_no_two_keys_share_a_family(morning: Miner) -> None:
    keys = {(m.metric_type, key) for m in Metric.objects.all() for key in m.value_json}
    names = [family_of(t, metric_types[t].unit, key, "GBP").name for t, key in keys]
    assert len(names) == len(set(names))


def test_nothing_selected_is_a_document_with_an_end(export: Export, morning: Miner) -> None:
    assert export("prometheus", "--from", "2024-01-01", "--to", "2024-01-02") == "# EOF\n"


@given(name=st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), min_size=1))
def test_every_name_comes_back(name: str) -> None:
    text = "".join(exporters["prometheus"].write(MadeUp(hours=2, setting=setting(name))))
    labels = [s.labels for family in parsed(text).values() for s in family.samples]
    assert [label["entity_name"] for label in labels] == [name] * 4


def test_promtool_makes_blocks_that_hold_every_sample(
    export: Export, morning: Miner, promtool: str, tmp_path: Path
) -> None:
    Miner.objects.filter(pk=morning.pk).update(name='b"e\\n\nch, {ü}')
    text = export("prometheus")
    create = [promtool, "tsdb", "create-blocks-from", "openmetrics", tmp_path / "export", tmp_path / "tsdb"]
    done = subprocess.run(create, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    expected = sorted(
        (s.name, s.labels["period"], s.labels.get("entity_id", ""), s.value, float(s.timestamp))
        for family in parsed(text).values()
        for s in family.samples
    )
    assert sorted(_dumped(promtool, tmp_path / "tsdb")) == expected


def test_promtool_has_nothing_to_say_of_the_families(export: Export, morning: Miner, promtool: str) -> None:
    described = [
        line for line in export("prometheus").splitlines(keepends=True) if line[:6] in ("# HELP", "# TYPE")
    ]
    check_metrics(promtool, "".join(described).encode())


def _dumped(promtool: str, blocks: Path) -> Iterator[tuple[str, str, str, float, float]]:
    (blocks / "wal").mkdir()
    done = subprocess.run([promtool, "tsdb", "dump", blocks], capture_output=True, text=True, check=True)
    for name, labels, value, milliseconds in DUMPED.findall(done.stdout):
        entity = re.search(r'entity_id="(\d+)"', labels)
        period = re.search(r'period="(\w+)"', labels)
        assert period
        yield name, period[1], entity[1] if entity else "", float(value), int(milliseconds) / 1000
