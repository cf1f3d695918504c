"""`manage.py command MINER KIND`: an order to a miner, sent now."""

import sys
from getpass import getpass
from typing import Any

from django.core.management.base import CommandError, CommandParser
from django.utils import timezone

from hmm.lib.commands import HmmCommand, argument, fail
from miners.control.arguments import ARGUMENTS, parse_arguments
from miners.control.ask import CommandRefused, ask_command
from miners.control.look import offers_now
from miners.control.prepare import NotSent
from miners.control.send import TIMEOUT_S, send_command
from miners.control.wait import wait_for
from miners.drivers.orders import Kind, Offers, Order
from miners.models import Command as Ordered
from miners.models import CommandStatus, Miner

WHO = "manage.py"
DID_NOT_TAKE = (CommandStatus.UNKNOWN, CommandStatus.FAILED, CommandStatus.DRIFTED)


def _argument(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not (equals and name):
        raise ValueError(f"{text!r} is not NAME=VALUE, such as frequency_mhz=525")
    return name, value


class Command(HmmCommand):
    help = (
        "Give a miner an order and say what came back: restart, pause, resume, mode (mode=), level (level=), frequency "
        "(frequency_mhz=, core_voltage_mv=), power (power_w=), pool (url=, user=, slot=primary or fallback), identify (light=on or "
        "off). The device is read first, and only what it really offers is sent, within its safe range. Without an order it "
        "says what the miner offers. Exit status 2: nothing was sent; 1: it was sent, and did not take."
    )
    example = (
        'manage.py command Garage frequency frequency_mhz=525 core_voltage_mv=1150 --why "quieter" --wait'
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("miner", metavar="MINER", help="its name")
        parser.add_argument("kind", metavar="KIND", nargs="?", choices=[str(kind) for kind in Kind])
        parser.add_argument(
            "arguments", metavar="NAME=VALUE", nargs="*", default=[], type=argument(_argument)
        )
        parser.add_argument(
            "--why", default="", metavar="TEXT", help="the reason, which is kept with the order"
        )
        parser.add_argument(
            "--wait", action="store_true", help="read the miner until its readings show it, or do not in time"
        )
        parser.add_argument(
            "--passwords",
            action="store_true",
            help="ask for the passwords of device and pool, or read them from two lines of input; they are not kept",
        )

    def handle(self, *args: Any, miner: str, kind: str | None, **options: Any) -> None:
        found = Miner.objects.filter(name=miner).select_related("model").first()
        if found is None:
            fail(f"no miner is called {miner!r}; manage.py top --once lists them")
        if kind is None:
            self.stdout.write(_shown_offers(found))
            return
        order = _order(Kind(kind), options)
        try:
            asked = ask_command(
                found, order.kind, order.arguments, who=WHO, why=options["why"], now=timezone.now()
            )
        except CommandRefused as refused:
            fail(f"{refused}. Nothing was sent")
        self._carry_out(asked, order, wait=options["wait"])

    def _carry_out(self, asked: Ordered, order: Order, *, wait: bool) -> None:
        sent = send_command(asked.pk, secrets=order.secrets)
        if sent.sent_at is None:
            raise CommandError(f"#{sent.pk} {sent.answer}. Nothing was sent", returncode=2)
        for line in sent.sent.splitlines():
            self.stdout.write(f"sent      {line}")
        self.stdout.write(f"answer    {sent.answer or 'none'}")
        ended = wait_for(sent, TIMEOUT_S) if wait else sent
        self.stdout.write(f"#{ended.pk} {ended.get_status_display()}{_evidence(ended)}")
        if ended.status in DID_NOT_TAKE:
            raise CommandError(f"#{ended.pk} {ended.kind}: {ended.get_status_display()}", returncode=1)


def _order(kind: Kind, options: dict[str, Any]) -> Order:
    given = dict(options["arguments"])
    if len(given) < len(options["arguments"]):
        fail(f"an argument is given twice; {kind} takes {', '.join(ARGUMENTS.get(kind, {})) or 'none'}")
    try:
        return Order(kind, parse_arguments(kind, given), _passwords() if options["passwords"] else {})
    except ValueError as error:
        fail(str(error))


def _passwords() -> dict[str, str]:
    read = getpass if sys.stdin.isatty() else lambda _: sys.stdin.readline().rstrip("\n")
    given = {
        "device": read("password of the device (empty: none) "),
        "pool": read("password at the pool (empty: none) "),
    }
    return {name: word for name, word in given.items() if word}


def _evidence(command: Ordered) -> str:
    return f": {command.evidence}" if command.evidence else ""


def _shown_offers(miner: Miner) -> str:
    try:
        offers = offers_now(miner, TIMEOUT_S)
    except NotSent as error:
        fail(f"{miner.name}: {error.reason}")
    lines = [f"{miner.name} offers {', '.join(kind for kind in Kind if kind in offers.kinds) or 'nothing'}"]
    return "\n".join([*lines, *_details(offers)])


def _details(offers: Offers) -> list[str]:
    modes = ", ".join(f"{number} {word}" for number, word in enumerate(offers.modes))
    ranges = [
        f"{name} {allowed.least} to {allowed.most} {unit} ({allowed.source})"
        for name, allowed, unit in (
            ("frequency", offers.frequency_mhz, "MHz"),
            ("core voltage", offers.core_voltage_mv, "mV"),
            ("power limit", offers.power_w, "W"),
        )
        if allowed
    ]
    return [line for line in (f"modes {modes}" if modes else "", *ranges, offers.note) if line]
