import pytest
from hypothesis import given
from hypothesis import strategies as st

from miners.drivers import Address, drivers
from miners.drivers.base import parse_address


def test_the_drivers_there_are():
    assert drivers.names() == ["avalon", "axeos", "cgminer", "farm", "nerdqaxe", "nmaxe", "nmminer"]


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("192.168.1.20", Address("192.168.1.20", None)),
        (" 192.168.1.20:8080 ", Address("192.168.1.20", 8080)),
        ("bitaxe.local:80", Address("bitaxe.local", 80)),
        ("[fe80::1]", Address("fe80::1", None)),
        ("[fe80::1]:65535", Address("fe80::1", 65535)),
        ("fe80::1", Address("fe80::1", None)),
        ("http://192.168.1.5", Address("192.168.1.5", None)),
        ("http://192.168.1.5/", Address("192.168.1.5", None)),
        ("HTTP://bitaxe.local:8080/", Address("bitaxe.local", 8080)),
        ("http://[fe80::1]:80/", Address("fe80::1", 80)),
    ],
)
def test_an_address_is_host_and_port(text, address):
    assert parse_address(text) == address


@pytest.mark.parametrize(
    "text",
    [
        "",
        ":80",
        "host:",
        "host:0",
        "host:65536",
        "host:http",
        "a:b:c",
        "[1.2.3.4]",
        "[::1",
        "ho st",
        "host/x",
        "u@h",
        "https://192.168.1.5",
        "tcp://192.168.1.5:4028",
        "://192.168.1.5",
        "http://",
        "http://192.168.1.5/api",
        "http://http://192.168.1.5",
    ],
)
def test_what_is_no_address_is_refused(text):
    with pytest.raises(ValueError, match="is not"):
        parse_address(text)


@given(st.ip_addresses(), st.none() | st.integers(1, 65535))
def test_every_ip_address_is_written_and_read_back(ip, port):
    address = Address(str(ip), port)
    assert parse_address(str(address)) == address
