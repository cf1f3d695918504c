"""Ask one pool now, without database."""

import json
from dataclasses import asdict
from typing import Any

from django.core.management.base import CommandParser

from hmm.door.books import books_of_this_process
from hmm.lib.commands import HmmCommand, fail
from hmm.lib.probe_options import add_probe_options
from hmm.lib.sockets import Deadline
from hmm.lib.units import UNKNOWN, format_hashrate
from pools.clients import clients
from pools.clients.base import Account, PoolError, PoolReport

HASHRATES = ("hashrate_ghs", "hashrate_1h_ghs", "hashrate_1d_ghs", "pool_hashrate_ghs")


class Command(HmmCommand):
    help = "Ask a pool now and show what it says of itself and, with --user, of you."
    example = "manage.py probe_pool --client ckpool --url https://solo.ckpool.org --user bc1q… --json"
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--client", metavar="NAME", required=True, help="which kind of pool it is")
        parser.add_argument("--url", help="its address; without, the one its kind usually has")
        parser.add_argument("--user", default="", help="your address or name there")
        parser.add_argument(
            "--token", default="", help="its access token or API key; for stratum the password"
        )
        add_probe_options(parser, what="all of it", timeout_s=20.0)

    def handle(self, *args: Any, client: str, url: str | None, **options: Any) -> None:
        if client not in clients:
            fail(f"no pool client is called {client!r}; there are: {', '.join(clients.names())}")
        address = url or clients[client].base_url
        if not address:
            fail(f"a pool of the kind {client} has no usual address: give --url")
        account = Account(options["user"], options["token"])
        try:
            with books_of_this_process():
                deadline = Deadline.after(options["timeout"])
                report = clients[client].report(address, account, deadline, use_cache=False)
        except PoolError as error:
            fail(f"{address}: {error.step}: {error.reason}")
        shown = {"client": client, "url": address, "user": account.user or None, "reachable": True}
        self.stdout.write(as_json(shown, report) if options["json"] else as_table(shown, report))


def as_json(shown: dict[str, Any], report: PoolReport) -> str:
    """Return the report as one JSON object, null for what the pool does not say."""
    return json.dumps(shown | told_by(report), ensure_ascii=False, indent=2)


def told_by(report: PoolReport) -> dict[str, Any]:
    """Return the report's figures, without those of an answer that is not new."""
    told = asdict(report)
    return {name: told[name] for name in told if name not in ("age_s", "stale", "unknown")}


def as_table(shown: dict[str, Any], report: PoolReport) -> str:
    """Return the report as lines of a name and a value."""
    told = shown | told_by(report)
    warnings = told.pop("warnings")
    lines = [(name, format_hashrate(v) if name in HASHRATES else v) for name, v in told.items()]
    lines += [("warning", warning) for warning in warnings]
    return "\n".join(
        f"{name.removesuffix('_ghs'):<18} {UNKNOWN if value is None else value}" for name, value in lines
    )
