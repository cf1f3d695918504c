"""docs/adding-an-export.md: its example is a format, once it is run."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings

from metrics.exports import exporters
from miners.models import Miner
from tests.metrics.exports.conftest import Export
from tests.metrics.exports.made_up import MadeUp

PAGE = Path(settings.BASE_DIR) / "docs/adding-an-export.md"


@pytest.fixture
def example() -> Iterator[str]:
    """Run the page's example; yield the name of its format."""
    (code,) = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
    before = set(exporters.names())
    exec(compile(code, str(PAGE), "exec"), {})
    (added,) = set(exporters.names()) - before
    yield added
    del exporters._entries[added]


def test_the_example_is_a_format(example: str) -> None:
    lines = "".join(exporters[example].write(MadeUp(hours=2))).splitlines()
    assert [json.loads(line)["value"]["n"] for line in lines] == [0, 1]


def test_the_command_knows_it_at_once(example: str, export: Export, morning: Miner) -> None:
    lines = export(example, "--type", "energy_cost", "--period", "hourly").splitlines()
    assert {json.loads(line)["type"] for line in lines} == {"energy_cost"}
    assert len(lines) == 12
