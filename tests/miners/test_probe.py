import json
import os
import re
import subprocess
import sys

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command

from tests.miners.drivers.fixtures import GAMMA, avalon_replies
from tests.miners.drivers.servers import (
    cgminer_device,
    closed_port,
    http_device,
    http_reply,
    silent_device,
    talking_device,
)

KEYS = [
    "driver",
    "model",
    "firmware",
    "hashrate_ghs",
    "power_w",
    "temperature_c",
    "fan_rpm",
    "accepted",
    "rejected",
    "uptime_s",
    "pool_url",
    "pool_user",
    "mode",
    "warnings",
]


def bitaxe(**changes):
    return http_device({"/api/system/info": http_reply(json.dumps(GAMMA | changes).encode())})


def probe(capsys, *arguments) -> str:
    call_command("probe", *arguments)
    return capsys.readouterr().out


def refusal(*arguments) -> str:
    with pytest.raises(CommandError) as caught:
        call_command("probe", *arguments)
    assert caught.value.returncode == 2
    return str(caught.value)


def test_json_has_the_agreed_keys_in_their_order(capsys):
    with bitaxe(temp=-1) as device:
        told = json.loads(probe(capsys, f"127.0.0.1:{device.port}", "--json"))
    assert list(told) == KEYS
    assert (told["driver"], told["model"], told["hashrate_ghs"]) == ("axeos", "Bitaxe Gamma 601", 1052.25)
    assert told["temperature_c"] is None
    assert told["warnings"] == ["temperature left out: -1 °C means no sensor"]


def test_the_table_is_for_people(capsys):
    with bitaxe(power=None, temp=-1) as device:
        lines = probe(capsys, f"127.0.0.1:{device.port}").splitlines()
    assert "hashrate     1.05 TH/s" in lines
    assert "power        –" in lines
    assert "fan          4,210 rpm" in lines
    assert "warning      temperature left out: -1 °C means no sensor" in lines


def test_one_protocol_can_be_asked_for(capsys):
    with cgminer_device(avalon_replies()) as device:
        told = json.loads(probe(capsys, f"127.0.0.1:{device.port}", "--driver", "cgminer", "--json"))
    assert (told["driver"], told["power_w"]) == ("cgminer", None)


def test_an_ipv6_address_in_brackets_is_asked(capsys):
    with http_device({"/api/system/info": http_reply(json.dumps(GAMMA).encode())}, host="::1") as device:
        told = json.loads(probe(capsys, f"[::1]:{device.port}", "--driver", "axeos", "--json"))
    assert told["hashrate_ghs"] == 1052.25


def test_an_address_copied_from_a_browser_is_asked(capsys):
    with bitaxe() as device:
        told = json.loads(probe(capsys, f"http://127.0.0.1:{device.port}/", "--json"))
    assert told["hashrate_ghs"] == 1052.25


def test_a_device_that_answers_wrongly_is_a_reason():
    with talking_device(http_reply(b"<html>")) as device:
        message = refusal(f"127.0.0.1:{device.port}", "--driver", "axeos")
    assert message == f"127.0.0.1:{device.port}: answers HTML, not AxeOS"


def test_a_device_that_does_not_answer_is_a_reason():
    with silent_device() as device:
        message = refusal(f"127.0.0.1:{device.port}", "--timeout", "0.34")
    assert re.fullmatch(rf"127\.0\.0\.1:{device.port}: no answer within 0\.[123] s", message)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["127.0.0.1:0"], "not a port from 1 to 65535"),
        (["not a host"], "not a host name or an IP address"),
        (["https://192.168.1.5"], "'https://192.168.1.5' is not an address: leave https:// out"),
        (["[::g]:80"], "not an IPv6 address"),
        (["127.0.0.1", "--timeout", "0"], "not a number of seconds from 0 to 600"),
        (["127.0.0.1", "--timeout", "nan"], "not a number of seconds from 0 to 600"),
        (
            ["127.0.0.1", "--driver", "abacus"],
            "no driver is called 'abacus'; there are: avalon, axeos, cgminer, farm, nerdqaxe, nmaxe, nmminer",
        ),
        ([], "ADDRESS[:PORT]"),
    ],
)
def test_bad_arguments_are_named(arguments, words):
    assert words in refusal(*arguments)


@pytest.mark.process
def test_it_needs_no_database_and_ends_with_one_line_and_2():
    port = closed_port()
    environment = os.environ | {"DATABASE_URL": f"postgres://nobody@127.0.0.1:{closed_port()}/none"}
    ended = subprocess.run(
        [sys.executable, "manage.py", "probe", f"127.0.0.1:{port}", "--json"],
        env=environment,
        capture_output=True,
        text=True,
        cwd=settings.BASE_DIR,
        timeout=60,
        check=False,
    )
    assert (ended.returncode, ended.stdout) == (2, "")
    assert ended.stderr == f"probe: 127.0.0.1:{port}: connection refused\n"
