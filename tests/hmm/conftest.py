"""An embedded server of the test's own."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from hmm.postgres.server import EmbeddedServer
from tests.hmm import embedded


@pytest.fixture
def server(data_dir: Path) -> Iterator[EmbeddedServer]:
    """A server in a data directory of its own; whatever has been started there is ended."""
    yield EmbeddedServer(data_dir)
    embedded.end_everything(data_dir)
