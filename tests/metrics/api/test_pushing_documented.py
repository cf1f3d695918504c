"""The example of docs/pushing-telemetry.md does what the page says."""

import json
import os
import re
import shutil
import subprocess
from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from django.conf import settings

from metrics.models.token import create_token
from miners.models import MinerState, Telemetry
from miners.push import body
from tests.factories import MinerFactory

PAGE = (settings.BASE_DIR / "docs" / "pushing-telemetry.md").read_text()


@pytest.mark.process
@pytest.mark.skipif(shutil.which("curl") is None, reason="NO CURL: the documented example was not tried")
@pytest.mark.django_db(transaction=True)
def test_the_example_stores_a_row(live_server: object, set_clock: Callable[[datetime], None]) -> None:
    set_clock(datetime.now(UTC))  # the example says date
    miner = MinerFactory(name="barn-1")
    (command,) = re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL)
    env = os.environ | {"HMM": str(live_server), "TOKEN": create_token("barn-relay", "ingest")}
    done = subprocess.run(["sh", "-c", command], env=env, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr
    (shown,) = re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL)
    assert json.loads(done.stdout) == json.loads(shown)
    assert Telemetry.objects.get().hashrate_ghs == 110_200
    miner.refresh_from_db()
    assert miner.state == MinerState.ONLINE


def test_the_limits_are_those_of_the_page() -> None:
    assert f"At most {body.MAX_ROWS:,} rows and {body.MAX_BODY_BYTES // 2**20} MB, plain and inflated" in PAGE
    assert body.MAX_BODY_BYTES == body.MAX_INFLATED_BYTES
