import contextlib
import ssl
import threading
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hmm.lib.http import BadAnswer, HttpError, NoAnswer, get
from tests.miners.drivers.servers import (
    closed_port,
    dripping_device,
    http_device,
    http_reply,
    silent_device,
    talking_device,
    tcp_server,
)

TIMEOUT_S = 5.0


def read(reply: bytes, **kwargs):
    with http_device({"/x": reply}) as device:
        return get(
            f"http://127.0.0.1:{device.port}/x", timeout_s=TIMEOUT_S, use_proxies=False, **kwargs
        ).json()


def refusal(reply: bytes, **kwargs) -> HttpError:
    with pytest.raises(HttpError) as caught:
        read(reply, **kwargs)
    return caught.value


def test_json_is_returned_and_parameters_are_sent():
    with http_device({"/x": http_reply(b'{"a": [1, 2.5]}')}) as device:
        url = f"http://127.0.0.1:{device.port}/x"
        assert get(url, params={"from": "a b"}, timeout_s=TIMEOUT_S).json() == {"a": [1, 2.5]}
    assert device.asked == ["/x?from=a+b"]


def test_a_name_and_an_ipv6_address_are_reached():
    with http_device({"/x": http_reply(b"1")}, host="::1") as device:
        assert get(f"http://[::1]:{device.port}/x", timeout_s=TIMEOUT_S).json() == 1
    with http_device({"/x": http_reply(b"2")}) as device:
        assert get(f"http://localhost:{device.port}/x", timeout_s=TIMEOUT_S).json() == 2


@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        (http_reply(b"<!DOCTYPE html><html>"), "answers HTML, not JSON"),
        (http_reply(b"  <HTML><body>"), "answers HTML, not JSON"),
        (http_reply(b'{"a": [1, 2'), "JSON cut off after 11 bytes"),
        (http_reply(b'{"a": "text'), "JSON cut off after 11 bytes"),
        (http_reply(b""), "empty answer"),
        (http_reply(b"hello"), "answer is not JSON"),
        (http_reply(b'{"a": NaN}'), "answer is not JSON"),
        (http_reply(b"[" * 100_000 + b"]" * 100_000), "answer is not JSON"),
        (http_reply(b'{"a": 1}', length=500), "answer cut off"),
        (http_reply(b'{"a": 1}', headers="Content-Encoding: gzip\r\n"), "answer cannot be decompressed"),
    ],
)
def test_a_body_that_is_no_json_is_refused_with_the_reason(reply, reason):
    error = refusal(reply)
    assert isinstance(error, BadAnswer)
    assert error.reason == reason
    assert error.status == 200


def test_a_long_answer_is_refused():
    assert refusal(http_reply(b'"' + b"x" * 5000 + b'"'), max_bytes=4000).reason == (
        "answer is longer than 4000 bytes"
    )


def test_a_redirect_is_not_followed():
    with http_device({"/y": http_reply(b"1")}) as elsewhere:
        location = f"http://127.0.0.1:{elsewhere.port}/y"
        error = refusal(http_reply(b"", "302 Found", f"Location: {location}\r\n"))
    assert (error.status, error.reason) == (302, f"redirects to {location}")
    assert elsewhere.asked == []


@pytest.mark.parametrize(
    ("headers", "wait_s"),
    [
        ("", None),
        ("Retry-After: 120\r\n", 120),
        (
            "Date: Sun, 30 Mar 2025 12:00:00 GMT\r\nRetry-After: Sun, 30 Mar 2025 12:01:30 GMT\r\n",
            90,
        ),
        ("Date: Sun, 30 Mar 2025 12:00:00 GMT\r\nRetry-After: Sun, 30 Mar 2025 11:00:00 GMT\r\n", 0),
        ("Retry-After: soon\r\n", None),
    ],
)
def test_a_status_and_what_to_wait_are_told(headers, wait_s):
    error = refusal(http_reply(b"slow down", "429 Too Many Requests", headers))
    assert error.reason == "answers HTTP 429 (Too Many Requests)"
    assert (error.status, error.retry_after_s) == (429, wait_s)


@pytest.mark.parametrize("start", [b"", b"HTTP/1.1 200 OK\r\nX-Slow:", b"HTTP/1.1 200 OK\r\n\r\n{"])
def test_a_server_that_drips_is_given_up_at_the_time_limit(start):
    with dripping_device(start) as device, pytest.raises(NoAnswer) as caught:
        get(f"http://127.0.0.1:{device.port}/", timeout_s=0.4)
    assert caught.value.reason == "no whole answer within 0.4 s"


def test_a_server_that_is_silent_is_given_up_at_the_time_limit():
    with silent_device() as device, pytest.raises(NoAnswer) as caught:
        get(f"http://127.0.0.1:{device.port}/", timeout_s=0.3)
    assert caught.value.reason == "no answer within 0.3 s"


def test_a_silent_tls_server_is_given_up_at_the_time_limit():
    with silent_device() as device, pytest.raises(NoAnswer):
        get(f"https://127.0.0.1:{device.port}/", timeout_s=0.3)


@pytest.fixture
def tls(tmp_path, monkeypatch) -> ssl.SSLContext:
    """Return the context of a server on 127.0.0.1 whose certificate the environment trusts."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "loopback")])
    address = x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))])
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(datetime.now(UTC) - timedelta(days=1))
        .not_valid_after(datetime.now(UTC) + timedelta(days=1))
        .add_extension(address, critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = tmp_path / "server.pem"
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    pem.write_bytes(certificate.public_bytes(serialization.Encoding.PEM) + private)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(pem))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)
    return context


def test_https_is_read_and_its_time_limit_kept(tls):
    def drip(connection, device):
        with tls.wrap_socket(connection, server_side=True) as secured:
            path = secured.recv(65536).split()[1]
            secured.sendall(http_reply(b"[1]") if path == b"/x" else b"HTTP/1.1 200 OK\r\nX-Slow:")
            while path != b"/x" and not device.stopping.wait(0.02):
                secured.sendall(b"x")

    with tcp_server(drip) as device:
        url = f"https://127.0.0.1:{device.port}"
        assert get(f"{url}/x", timeout_s=TIMEOUT_S).json() == [1]
        with pytest.raises(NoAnswer) as caught:
            get(f"{url}/slow", timeout_s=0.6)
    assert caught.value.reason == "no whole answer within 0.6 s"


def test_a_certificate_nobody_vouches_for_is_refused(tls, monkeypatch):
    def greet(connection, device):
        tls.wrap_socket(connection, server_side=True).close()

    monkeypatch.delenv("REQUESTS_CA_BUNDLE")
    with tcp_server(greet) as device, pytest.raises(NoAnswer) as caught:
        get(f"https://127.0.0.1:{device.port}/", timeout_s=TIMEOUT_S, use_proxies=False)
    assert caught.value.reason.startswith("TLS failed")


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("http://no-such-host.invalid/", ("no such host", "the name server does not answer")),
        (f"http://{'x' * 70}.invalid/", ("no such host",)),
    ],
)
def test_an_unknown_name_is_told(url, reason):
    with pytest.raises(NoAnswer) as caught:
        get(url, timeout_s=TIMEOUT_S)
    assert caught.value.reason in reason


def test_a_closed_port_is_told():
    with pytest.raises(NoAnswer) as caught:
        get(f"http://127.0.0.1:{closed_port()}/", timeout_s=TIMEOUT_S)
    assert caught.value.reason == "connection refused"


@pytest.mark.parametrize("url", ["", "ftp://127.0.0.1/", "http://", "http://[::1", "http://a:port/"])
def test_what_is_no_address_is_an_error_of_ours(url):
    with pytest.raises(HttpError):
        get(url, timeout_s=TIMEOUT_S)


def test_something_that_speaks_no_http_is_told():
    with talking_device(b"STATUS=E,Msg=Invalid command|\0") as device, pytest.raises(BadAnswer) as caught:
        get(f"http://127.0.0.1:{device.port}/", timeout_s=TIMEOUT_S)
    assert caught.value.reason == "does not answer in HTTP"


def test_many_read_at_once():
    results = []
    with http_device({"/x": http_reply(b"7")}) as device:
        url = f"http://127.0.0.1:{device.port}/x"
        threads = [
            threading.Thread(target=lambda: results.append(get(url, timeout_s=TIMEOUT_S).json()))
            for _ in range(8)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert results == [7] * 8


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(reply=st.binary(max_size=300), as_body=st.booleans())
def test_any_bytes_are_json_or_an_error_of_ours(reply, as_body):
    server = talking_device(http_reply(reply) if as_body else reply)
    with server as device, contextlib.suppress(HttpError):
        get(f"http://127.0.0.1:{device.port}/", timeout_s=TIMEOUT_S).json()
