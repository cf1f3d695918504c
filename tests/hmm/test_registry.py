import pytest

from hmm.lib.registry import Registry
from metrics.types import metric_types


def test_a_name_registered_twice_is_an_error():
    registry: Registry[int] = Registry("thing", "hmm")
    registry.register("one", 1)
    with pytest.raises(ValueError, match="two things are called 'one'"):
        registry.register("one", 2)


def test_modules_are_found_by_themselves():
    assert {"energy_cost", "hashrate", "uptime"} <= set(metric_types.names())
    assert [m.name for m in metric_types] == metric_types.names()


def test_an_unknown_name_says_what_there_is():
    with pytest.raises(
        KeyError, match="no metric type is called 'watts'; there are: earnings, efficiency, energy_cost"
    ):
        metric_types["watts"]
