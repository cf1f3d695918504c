import contextlib
import json
import socket
import threading
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from miners.drivers import Address, Misread, Reading, Unreachable, detect, drivers
from miners.drivers.nmminer import read_broadcast
from tests.miners.drivers.fixtures import BROADCAST


def broadcast(**changes):
    return json.dumps({**BROADCAST, **changes}).encode()


@contextlib.contextmanager
def broadcasting(datagram: bytes):
    """Send `datagram` to a free UDP port of loopback every 20 ms; yield the port."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    stopping = threading.Event()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:

        def send() -> None:
            while not stopping.wait(0.02):
                with contextlib.suppress(OSError):
                    sender.sendto(datagram, ("127.0.0.1", port))

        thread = threading.Thread(target=send)
        thread.start()
        try:
            yield port
        finally:
            stopping.set()
            thread.join(5)


def listen(host: str, port: int, timeout_s: float = 5.0) -> Reading:
    return drivers["nmminer"].read(Address(host, port), time.monotonic() + timeout_s)


def test_a_broadcast_is_read_whole():
    with broadcasting(broadcast()) as port:
        assert listen("127.0.0.1", port) == Reading(
            driver="nmminer",
            model="ESP32-S3",
            firmware="v1.7",
            hashrate_ghs=pytest.approx(0.0010154),
            temperature_c=49.5,
            accepted=120,
            rejected=3,
            uptime_s=((2 * 24 + 3) * 60 + 4) * 60 + 5,
            pool_url="stratum+tcp://pool.example:3333",
        )


def test_a_broadcast_that_names_the_address_is_its_own():
    with broadcasting(broadcast(IP="192.168.1.77")) as port:
        assert listen("192.168.1.77", port).accepted == 120


def test_another_miners_broadcast_is_not_read():
    with broadcasting(broadcast(IP="192.168.1.77")) as port, pytest.raises(Unreachable) as caught:
        listen("192.168.1.78", port, 0.3)
    assert caught.value.reason == "no broadcast was heard"


def test_it_is_detected_without_being_told():
    with broadcasting(broadcast()) as port:
        assert detect(Address("127.0.0.1", port), 5.0).driver == "nmminer"


def test_a_name_that_does_not_resolve():
    with pytest.raises(Unreachable, match="no such host"):
        listen("no-such-miner.invalid", 12345, 0.3)


@pytest.mark.parametrize(
    ("text", "hashrate_ghs"),
    [
        ("113.13K", 113.13e-6),
        ("113.13K ", 113.13e-6),
        ("1.0154MH/s", 1.0154e-3),
        ("1.2TH/s", 1200),
        ("4.8 GH/s", 4.8),
        (5000, 5e-6),
    ],
)
def test_a_hashrate_tells_its_unit(text, hashrate_ghs):
    assert read_broadcast(broadcast(HashRate=text)).hashrate_ghs == pytest.approx(hashrate_ghs)


@pytest.mark.parametrize("text", ["fast", "1.2XH/s", "-1K", "1..2K", "9E"])
def test_a_hashrate_that_is_none_is_left_out_with_a_warning(text):
    reading = read_broadcast(broadcast(HashRate=text))
    assert reading.hashrate_ghs is None
    assert len(reading.warnings) == 1


@pytest.mark.parametrize(
    ("text", "shares"),
    [
        ("1/138", (138, 1)),
        (" 1 / 138 ", (138, 1)),
        ("0/0/0%", (0, 0)),
        ("1/138/99.3%", (138, 1)),
        ("1/13/8", (None, None)),
        ("138", (None, None)),
        ("", (None, None)),
    ],
)
def test_the_rejected_shares_come_first(text, shares):
    reading = read_broadcast(broadcast(Share=text))
    assert (reading.accepted, reading.rejected) == shares


@pytest.mark.parametrize(
    ("text", "uptime_s"),
    [("000d 01:23:46", 5026), ("0d\r01:00:00", 3600), ("01:00:00", 3600), ("soon", None)],
)
def test_an_uptime_is_in_seconds(text, uptime_s):
    assert read_broadcast(broadcast(Uptime=text)).uptime_s == uptime_s


@given(
    st.binary(max_size=80)
    | st.dictionaries(st.sampled_from(list(BROADCAST)), st.text()).map(json.dumps).map(str.encode)
)
def test_any_datagram_is_a_reading_or_a_reason(datagram):
    with contextlib.suppress(Misread):
        assert isinstance(read_broadcast(datagram), Reading)


def test_an_nmaxes_broadcast_tells_its_watts_and_the_uptime_of_its_session():
    times = "001d 00:00:05\\r123d 04:05:06"
    reading = read_broadcast(broadcast(Uptime="@", Power="12.5W").replace(b"@", times.encode()))
    assert (reading.power_w, reading.uptime_s, reading.warnings) == (12.5, 86_405, ())
    assert read_broadcast(broadcast(Power="12.5V")).power_w is None
    assert read_broadcast(broadcast(Uptime="\r")).uptime_s is None
