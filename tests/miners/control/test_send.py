"""Orders to simulated devices and to broken ones, over real sockets: once, to the right one, and written down."""

import json
import threading
from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from django.db import connection

from miners.control.ask import CommandRefused, ask_command
from miners.control.prepare import controls_of
from miners.control.send import send_command
from miners.drivers.orders import About, Kind
from miners.models import Command, Miner
from tests.factories import MinerFactory, MinerModelFactory
from tests.miners.control.conftest import Ordered
from tests.miners.drivers.order_servers import deaf_device, ordered_device, read_request
from tests.miners.drivers.servers import Device, closed_port, http_reply, tcp_server

Simulated = Callable[[str], Ordered]
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
MAC = "C0:FF:EE:00:00:01"
INFO = {
    "ASICModel": "BM1370",
    "boardVersion": "601",
    "version": "v2.14.0",
    "hashRate": 1200.0,
    "power": 17.0,
    "temp": 50.0,
    "macAddr": MAC,
    "frequency": 600,
    "coreVoltage": 1150,
    "uptimeSeconds": 9000,
    "miningPaused": False,
}


def info(**changed: object) -> dict[str, bytes]:
    return {"GET /api/system/info": http_reply(json.dumps(INFO | changed).encode())}


def orders_of(device: Device) -> list[str]:
    return [line for line in device.asked if not line.startswith("GET ")]


def miner_at(device: Device, **fields: object) -> Miner:
    return MinerFactory(host="127.0.0.1", port=device.port, driver="axeos", model=None, **fields)


def order(miner: Miner, kind: Kind, timeout_s: float = 30.0, **arguments: object) -> Command:
    command = ask_command(miner, kind, arguments, who="ann", why="a test", now=NOW)
    return send_command(command.pk, timeout_s=timeout_s, now=lambda: NOW)


def test_an_order_that_is_taken_is_written_down_whole(simulated: Simulated) -> None:
    gamma = simulated("gamma-1")
    command = gamma.order(Kind.FREQUENCY, frequency_mhz=525, core_voltage_mv=1100)
    assert command.status == "accepted"
    assert (command.who, command.why, command.asked_at) == ("ann", "a test", gamma.now())
    assert command.sent == 'PATCH /api/system {"frequency": 525, "coreVoltage": 1100}'
    assert command.answer == "HTTP 200"
    assert command.watched
    assert gamma.running.device.machine.settings.frequency_mhz == 525


def test_a_device_that_refuses_is_a_failed_command_with_its_words(simulated: Simulated) -> None:
    q = simulated("avalonq-1")
    assert q.order(Kind.MODE, mode="eco").status == "accepted"
    command = q.order(Kind.MODE, mode="standard")
    assert command.status == "failed"
    assert "Don't permit switch mode" in command.answer
    assert not command.watched


def test_an_order_outside_of_the_safe_range_is_refused_before_anything_is_sent(simulated: Simulated) -> None:
    gamma = simulated("gamma-1")
    command = gamma.order(Kind.FREQUENCY, frequency_mhz=800)
    assert (command.status, command.sent, command.sent_at) == ("refused", "", None)
    assert command.answer.startswith("800 MHz is outside 400 to 625 MHz, the safe range of Bitaxe Gamma 601")
    assert gamma.running.device.machine.settings.frequency_mhz == 600


def test_a_range_set_for_the_model_counts_instead(simulated: Simulated) -> None:
    gamma = simulated("gamma-1")
    gamma.miner.model = MinerModelFactory(min_frequency_mhz=200, max_frequency_mhz=300)
    gamma.miner.save()
    assert gamma.order(Kind.FREQUENCY, frequency_mhz=525).status == "refused"
    assert gamma.order(Kind.FREQUENCY, frequency_mhz=250).status == "accepted"


def test_what_its_firmware_does_not_offer_is_not_sent(simulated: Simulated) -> None:
    old = simulated("gamma-4")
    command = old.order(Kind.PAUSE)
    assert command.status == "refused"
    assert "does not offer pause" in command.answer
    assert not old.running.device.machine.settings.paused


def test_what_a_device_does_not_tell_of_is_not_ordered(db: None) -> None:
    nested = {"miner": {"hashRate": 500.0}, "power": {"power": 15.0}, "temps": {"asic": 50.0}}
    with ordered_device({"GET /api/system/info": http_reply(json.dumps(nested).encode())}) as device:
        miner = MinerFactory(host="127.0.0.1", port=device.port, driver="nmaxe")
        command = order(miner, Kind.PAUSE)
    assert command.status == "refused"
    assert "does not offer pause; it offers restart, pool, identify" in command.answer
    assert orders_of(device) == []


def test_another_device_at_its_address_is_told_nothing(db: None) -> None:
    with ordered_device(info()) as device:
        command = order(miner_at(device, identity="C0:FF:EE:00:00:99"), Kind.RESTART)
    assert command.status == "refused"
    assert command.answer == f"another device answers: {MAC}, not C0:FF:EE:00:00:99"
    assert orders_of(device) == []


def test_a_device_that_does_not_say_who_it_is_is_told_nothing(db: None) -> None:
    with ordered_device(info(macAddr="")) as device:
        command = order(miner_at(device, identity=MAC), Kind.RESTART)
    assert command.status == "refused"
    assert "does not say who it is" in command.answer
    assert orders_of(device) == []


def test_a_device_that_is_not_there_is_a_failure(db: None) -> None:
    miner = MinerFactory(host="127.0.0.1", port=closed_port(), driver="axeos")
    command = order(miner, Kind.RESTART)
    assert (command.status, command.answer, command.sent, command.sent_at) == (
        "failed",
        "connection refused",
        "",
        None,
    )


def test_a_firmware_that_does_not_know_the_order_is_a_failure(db: None) -> None:
    with ordered_device(info()) as device:
        command = order(miner_at(device), Kind.PAUSE)
    assert (command.status, command.answer) == ("failed", "HTTP 404 (Not Found): Not Found")
    assert orders_of(device) == ["POST /api/system/pause"]


def test_an_order_without_an_answer_is_of_unknown_outcome(db: None) -> None:
    with ordered_device(info() | {"POST /api/system/restart": b""}) as device:
        miner = miner_at(device)
        command = order(miner, Kind.RESTART)
        again = send_command(command.pk, now=lambda: NOW)
    assert command.status == again.status == "unknown"
    assert command.watched
    assert orders_of(device) == ["POST /api/system/restart"]


def test_one_that_hangs_is_waited_for_no_longer_than_allowed(db: None) -> None:
    with deaf_device() as device:
        command = order(miner_at(device), Kind.RESTART, timeout_s=0.3)
    assert command.status == "failed"
    assert "no answer within" in command.answer
    assert command.sent == ""


def test_who_dies_between_sending_and_noting_leaves_an_unknown_outcome(
    db: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    def die(*_: object, **__: object) -> None:
        raise SystemExit

    with ordered_device(info() | {"POST /api/system/restart": http_reply(b"ok")}) as device:
        miner = miner_at(device)
        command = ask_command(miner, Kind.RESTART, {}, who="ann", why="a test", now=NOW)
        monkeypatch.setattr("miners.control.send._note_answer", die)
        with pytest.raises(SystemExit):
            send_command(command.pk, now=lambda: NOW)
        monkeypatch.undo()
        left = send_command(command.pk, now=lambda: NOW)
    assert (left.status, left.sent, left.answer) == ("unknown", "POST /api/system/restart", "")
    assert orders_of(device) == ["POST /api/system/restart"]


def test_after_a_request_that_is_refused_no_other_is_sent(db: None) -> None:
    refusing = info() | {"PATCH /api/system": http_reply(b"OTP/Session required", "401 Unauthorized")}
    with ordered_device(refusing) as device:
        url = "stratum+tcp://pool.example:3333"
        command = order(miner_at(device), Kind.POOL, slot="primary", url=url, user="me")
    assert command.status == "failed"
    assert command.answer == "HTTP 401 (Unauthorized): OTP/Session required"
    assert len(command.sent.splitlines()) == len(orders_of(device)) == 1


def test_what_no_reading_tells_is_said_to_be_so(simulated: Simulated) -> None:
    gamma = simulated("gamma-1")
    assert gamma.order(Kind.IDENTIFY, light="on").status == "unverifiable"
    fallback = gamma.order(Kind.POOL, slot="fallback", url="stratum+tcp://b.example:1", user="me")
    assert (fallback.status, fallback.watched) == ("unverifiable", False)


def test_a_password_is_used_and_not_kept(simulated: Simulated) -> None:
    q = simulated("avalonq-1")
    words = {"slot": "primary", "url": "stratum+tcp://new.example:3333", "user": "me"}
    command = q.order(Kind.POOL, {"device": "admin", "pool": "hunter2"}, **words)
    assert command.status == "accepted"
    stored = json.dumps(list(Command.objects.values()), default=str)
    assert "hunter2" not in stored
    assert "admin,admin" not in stored
    q.passes(60)
    assert q.running.device.machine.is_up(q.running.clock.now())
    assert q.running.device.machine.pools[0].url == "new.example"


def test_without_its_password_nothing_is_sent_to_an_avalon(simulated: Simulated) -> None:
    q = simulated("avalonq-1")
    command = q.order(Kind.POOL, slot="primary", url="stratum+tcp://new.example:3333", user="me")
    assert (command.status, command.sent) == ("refused", "")
    assert "--passwords" in command.answer


def test_a_wrong_password_is_a_refusal_of_the_device(simulated: Simulated) -> None:
    q = simulated("avalonq-1")
    words = {"slot": "primary", "url": "stratum+tcp://new.example:3333", "user": "me"}
    command = q.order(Kind.POOL, {"device": "wrong"}, **words)
    assert (command.status, command.answer) == ("failed", "Pool set error: password error")
    assert "wrong" not in command.sent


def test_the_same_order_is_refused_while_one_is_open(simulated: Simulated) -> None:
    gamma = simulated("gamma-1")
    first = gamma.ask(Kind.PAUSE)
    with pytest.raises(
        CommandRefused, match=rf"the same order is still open: #{first.pk}, asked .* by ann, pending"
    ):
        gamma.ask(Kind.PAUSE)
    gamma.ask(Kind.RESUME)
    send_command(first.pk, now=gamma.now)
    with pytest.raises(CommandRefused, match="accepted"):
        gamma.ask(Kind.PAUSE)


def test_an_order_without_a_reason_is_refused(db: None) -> None:
    miner = MinerFactory(host="192.0.2.1")
    with pytest.raises(CommandRefused, match="say why"):
        ask_command(miner, Kind.RESTART, {}, who="ann", why=" ", now=NOW)


@pytest.mark.parametrize(
    ("fields", "says"), [({"host": ""}, "no address"), ({"retired_at": NOW, "host": "a"}, "retired")]
)
def test_a_miner_that_nobody_can_reach_is_told_nothing(
    db: None, fields: dict[str, object], says: str
) -> None:
    with pytest.raises(CommandRefused, match=says):
        ask_command(MinerFactory(**fields), Kind.RESTART, {}, who="ann", why="x", now=NOW)
    assert not Command.objects.exists()


def test_an_order_that_has_waited_too_long_is_not_sent(simulated: Simulated) -> None:
    gamma = simulated("gamma-1")
    command = gamma.ask(Kind.PAUSE)
    gamma.passes(121)
    assert send_command(command.pk, now=gamma.now).status == "refused"
    assert not gamma.running.device.machine.settings.paused


@pytest.mark.django_db(transaction=True)
def test_two_workers_with_the_same_order_send_it_once() -> None:
    both_have_read = threading.Barrier(2, timeout=60)

    def serve(line: object, device: Device) -> None:
        said, _ = read_request(line)  # type: ignore[arg-type]
        device.asked.append(said)
        if said.startswith("GET "):
            both_have_read.wait()
        replies = info() | {"POST /api/system/restart": http_reply(b"ok")}
        line.sendall(replies[said])  # type: ignore[attr-defined]

    with tcp_server(serve) as device:
        command = ask_command(miner_at(device), Kind.RESTART, {}, who="ann", why="x", now=NOW)

        def send() -> None:
            send_command(command.pk, timeout_s=60.0, now=lambda: NOW)
            connection.close()

        threads = [threading.Thread(target=send) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
    assert orders_of(device) == ["POST /api/system/restart"]
    assert Command.objects.get().status == "accepted"


def test_a_driver_that_nobody_gave_orders_offers_nothing() -> None:
    found = controls_of("mine")
    assert not found.offers(About()).kinds
    assert found.offers(About()).note == "the driver mine has no orders"
