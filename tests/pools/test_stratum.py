"""The stratum handshake: how quick, and what failed."""

import contextlib
import ssl

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hmm.lib.sockets import Deadline
from pools.clients.base import PoolError
from pools.stratum import Endpoint, complaint, parse_endpoint, shake_hands
from tests.miners.drivers.servers import closed_port, silent_device, talking_device
from tests.pools.servers import GOOD_STRATUM, authorized, line, stratum_pool, subscribed


def shaken(
    port: int, user: str = "bc1q.rig", limit_s: float = 5, host: str = "127.0.0.1", secured: bool = False
):
    return shake_hands(Endpoint(host, port, secured), user, "x", Deadline.after(limit_s))


def failure(*args, **kwargs) -> tuple[str, str]:
    with pytest.raises(PoolError) as caught:
        shaken(*args, **kwargs)
    return caught.value.step, caught.value.reason


def test_a_good_pool_is_subscribed_to_and_authorizes():
    with stratum_pool(GOOD_STRATUM) as pool:
        told = shaken(pool.port)
    assert told.authorized is True
    assert told.difficulty == 0.0016
    assert list(told.steps_ms) == ["dns", "connect", "subscribe", "authorize"]
    assert 0 < told.response_time_ms == told.steps_ms["subscribe"]
    assert pool.asked == ["mining.subscribe", "mining.authorize"]


@pytest.mark.parametrize("told", ["1e999", "9" * 400, "-1", "null", "true", '"8"', "[]"])
def test_a_difficulty_that_is_none_is_not_told(told: str):
    odd = f'{{"method": "mining.set_difficulty", "params": [{told}]}}\n'.encode()
    with stratum_pool({"mining.subscribe": lambda n: odd + line({"id": n, "result": [[], "ab", 4]})}) as pool:
        assert shaken(pool.port, user="").difficulty is None


def test_without_a_user_nobody_is_authorized():
    with stratum_pool(GOOD_STRATUM) as pool:
        assert shaken(pool.port, user="").authorized is None
    assert pool.asked == ["mining.subscribe"]


@pytest.mark.parametrize(
    ("answer", "refusal"),
    [
        ({"result": None, "error": "authorization rejected"}, "authorization rejected"),
        ({"result": None, "error": [24, "Unauthorized worker", None]}, "Unauthorized worker"),
        ({"result": None, "error": {"code": 24, "message": "bad address"}}, "bad address"),
        ({"result": False, "reject-reason": "no such user"}, "no such user"),
        ({"result": False, "error": None}, "result is False"),
        ({"result": None, "error": [20]}, "20"),
        ({}, "result is None"),
    ],
)
def test_a_user_that_is_refused_is_told_with_the_pools_words(answer, refusal):
    with stratum_pool({**GOOD_STRATUM, "mining.authorize": lambda n: line({"id": n, **answer})}) as pool:
        told = shaken(pool.port)
    assert (told.authorized, told.refusal) == (False, refusal)


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (lambda n: line({"id": n, "result": None, "error": [20, "Banned", None]}), "refused: Banned"),
        (lambda n: line({"id": n, "result": True}), "subscribed with something else: True"),
        (lambda n: line({"id": n, "result": [[], None, 4]}), "subscribed with something else"),
        (b"<html>hello</html>\n", "does not speak stratum: '<html>hello</html>'"),
        (b"[" * 3000 + b"\n", "does not speak stratum"),
        (line({"id": None, "method": "mining.notify"}) * 300, "sends messages and no answer"),
        (b"x" * 300_000, "sends a line of more than 262144 bytes"),
    ],
)
def test_what_is_no_subscription_fails_at_that_step(answer, reason):
    with stratum_pool({"mining.subscribe": answer}) as pool:
        step, told = failure(pool.port)
    assert step == "subscribe"
    assert reason in told


def test_a_pool_that_hangs_up_fails_where_it_did():
    with stratum_pool({}) as pool:
        assert failure(pool.port) == ("subscribe", "closed the connection without an answer")
    with stratum_pool({"mining.subscribe": subscribed}) as pool:
        assert failure(pool.port) == ("authorize", "closed the connection without an answer")


def test_a_silent_pool_fails_at_the_time_limit():
    with silent_device() as pool:
        assert failure(pool.port, limit_s=0.3) == ("subscribe", "no answer within 0.3 s")


def test_a_closed_port_and_an_unknown_name_are_told_apart():
    assert failure(closed_port()) == ("connect", "connection refused")
    step, reason = failure(3333, host="no-such-pool.invalid")
    assert step == "dns"
    assert reason in ("no such host", "the name server does not answer")


def test_a_port_without_tls_fails_at_tls():
    with talking_device(b"hello\n") as pool:
        step, reason = failure(pool.port, secured=True)
    assert (step, reason) == ("tls", "TLS failed: does it speak TLS on this port?")


def test_a_certificate_nobody_vouches_for_fails_at_tls(tmp_path):
    from tests.miners.drivers.servers import tcp_server
    from tests.pools.certificate import self_signed

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(self_signed(tmp_path))

    def greet(connection, device):
        context.wrap_socket(connection, server_side=True).close()

    with tcp_server(greet) as pool:
        step, reason = failure(pool.port, secured=True)
    assert step == "tls"
    assert "certificate is not good" in reason


@pytest.mark.parametrize(
    ("url", "endpoint"),
    [
        ("stratum+tcp://solo.ckpool.org:3333", Endpoint("solo.ckpool.org", 3333, False)),
        ("stratum+ssl://pool:443/", Endpoint("pool", 443, True)),
        ("solo.ckpool.org:3333", Endpoint("solo.ckpool.org", 3333, False)),
        ("tcp://[::1]:3333", Endpoint("::1", 3333, False)),
        ("STRATUM+TLS://pool:443", Endpoint("pool", 443, True)),
    ],
)
def test_addresses_are_read(url, endpoint):
    assert parse_endpoint(url) == endpoint


@pytest.mark.parametrize(
    "url", ["", "pool", "http://pool:80", "stratum+tcp://pool", "stratum+tcp://:1", "a:b", "[:1"]
)
def test_what_is_no_address_is_refused(url):
    with pytest.raises(ValueError, match="is not an address such as"):
        parse_endpoint(url)


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(answer=st.binary(max_size=200))
def test_any_bytes_are_a_handshake_or_a_pool_error(answer):
    says = {"mining.subscribe": answer + b"\n", "mining.authorize": authorized}
    with stratum_pool(says) as pool, contextlib.suppress(PoolError):
        assert shaken(pool.port, limit_s=0.3).authorized


@given(
    error=st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda x: st.lists(x) | st.dictionaries(st.text(), x),
    )
)
def test_any_error_has_words_or_none(error):
    assert isinstance(complaint({"error": error}), str)
