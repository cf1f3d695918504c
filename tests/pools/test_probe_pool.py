"""`manage.py probe_pool`."""

import json
import os
import subprocess
import sys

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command

from tests.miners.drivers.servers import closed_port
from tests.pools.servers import GOOD_STRATUM, STATUS, USER, stratum_pool, web_pool


def refusal(*arguments: str) -> str:
    with pytest.raises(CommandError) as caught:
        call_command("probe_pool", *arguments)
    assert caught.value.returncode == 2
    return str(caught.value)


def test_json_says_what_the_pool_does_and_null_for_the_rest(capsys):
    with web_pool({"/pool/pool.status": STATUS, "/users/bc1q": {**USER, "workers": "many"}}) as pool:
        url = f"http://127.0.0.1:{pool.port}"
        call_command("probe_pool", "--client", "ckpool", "--url", url, "--user", "bc1q", "--json")
    told = json.loads(capsys.readouterr().out)
    assert (told["client"], told["url"], told["user"], told["reachable"]) == ("ckpool", url, "bc1q", True)
    assert (told["hashrate_ghs"], told["pool_hashrate_ghs"], told["accepted"]) == (1050.0, 1e6, 9900)
    assert told["balance"] is None
    assert told["workers"] is None
    assert told["warnings"] == ["user workers left out: 'many' is no figure"]


def test_lines_are_for_people(capsys):
    with web_pool({"/pool/pool.status": STATUS}) as pool:
        call_command("probe_pool", "--client", "ckpool", "--url", f"http://127.0.0.1:{pool.port}")
    lines = capsys.readouterr().out.splitlines()
    assert "pool_hashrate      1.00 PH/s" in lines
    assert "balance            –" in lines


def test_a_handshake_can_be_probed(capsys):
    with stratum_pool(GOOD_STRATUM) as pool:
        call_command(
            "probe_pool", "--client", "stratum", "--url", f"stratum+tcp://127.0.0.1:{pool.port}", "--json"
        )
    assert json.loads(capsys.readouterr().out)["response_time_ms"] > 0


def test_bad_input_is_one_line_that_names_it():
    assert refusal("--client", "nopool").startswith(
        "no pool client is called 'nopool'; there are: braiins, ckpool"
    )
    assert "has no usual address: give --url" in refusal("--client", "stratum")
    assert "is not an address" in refusal("--client", "ckpool", "--url", "solo")
    assert "not a number of seconds" in refusal("--client", "ckpool", "--url", "http://x", "--timeout", "0")


def test_what_failed_is_named():
    dark = closed_port()
    assert refusal("--client", "stratum", "--url", f"127.0.0.1:{dark}").endswith(
        "connect: connection refused"
    )
    assert "http: connection refused" in refusal(
        "--client", "ckpool", "--url", f"http://127.0.0.1:{dark}", "--timeout", "1"
    )
    with web_pool({"/pool/pool.status": b"<html>"}) as pool:
        told = refusal("--client", "ckpool", "--url", f"http://127.0.0.1:{pool.port}")
    assert told.endswith("http: answers HTML, not pool.status")


@pytest.mark.process
def test_no_database_is_needed():
    environment = {
        **os.environ,
        "DATABASE_URL": "postgres://nobody@127.0.0.1:1/none",
        "HMM_DATA_DIR": str(settings.DATA_DIR),
        "DJANGO_SETTINGS_MODULE": "hmm.settings",
    }
    with web_pool({"/pool/pool.status": STATUS}) as pool:
        url = f"http://127.0.0.1:{pool.port}"
        done = subprocess.run(
            [sys.executable, "manage.py", "probe_pool", "--client", "ckpool", "--url", url, "--json"],
            env=environment, capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["pool_users"] == 12
