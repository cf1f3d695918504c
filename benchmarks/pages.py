"""How fast pages are served: whole ones, their blocks, and blocks that have not changed."""

import gzip
from collections.abc import Callable
from contextlib import ExitStack
from datetime import timedelta
from unittest.mock import patch

from django.contrib.auth import get_user_model
from django.test import Client
from django.urls import reverse

from benchmarks import dataset
from benchmarks.measure import measure
from hmm.installation import installation
from metrics.dashboard.blocks import Present
from metrics.engine.run import fill
from metrics.views import dashboard, fleet_blocks, miner

BLOCKS = ("fleet_summary", "fleet_attention", "fleet_yesterday", "fleet_vitals", "price_bars", "miner_table")
TIMES = 9
NOW = dataset.END - timedelta(hours=10, minutes=10)
"""In the afternoon of the last day: today and yesterday have figures."""


def pages(ids: list[int]) -> None:
    """Every page and block in the last day of the data set, as somebody sees it who is signed in."""
    fill(NOW)
    client = Client(SERVER_NAME="localhost")
    client.force_login(
        get_user_model().objects.create(username="benchmark", is_superuser=True),
        backend="django.contrib.auth.backends.ModelBackend",
    )
    with ExitStack() as clocks:
        for view in (dashboard, fleet_blocks, miner):
            clocks.enter_context(patch.object(view, "_present", _present))
        shown("page: the dashboard", asking(client, "/"))
        shown("page: a miner", asking(client, reverse("metrics:miner", args=[ids[5]])))
        for name in BLOCKS:
            measure(f"block: {name}", asking(client, reverse(f"metrics:{name}")), TIMES)
        month = reverse("metrics:miner_series", args=[ids[5], "power"]) + "?span=30d"
        measure("line: a miner's power of 30 days", asking(client, month), TIMES)
        unchanged(client, reverse("metrics:fleet_summary"))


def shown(name: str, ask: Callable[[], bytes]) -> None:
    """Measure a page, and print what it weighs."""
    measure(name, ask, TIMES)
    print(f"{'  gzipped':52} {len(gzip.compress(ask(), mtime=0)) / 1000:9.1f} kB")


def unchanged(client: Client, address: str) -> None:
    """Ask again for what has not changed."""
    tag = client.get(address)["ETag"]

    def ask() -> None:
        client.get(address, headers={"If-None-Match": tag})

    measure("block: one that has not changed (304)", ask, TIMES)


def asking(client: Client, address: str) -> Callable[[], bytes]:
    """Return what asks for `address`, which must be there."""

    def ask() -> bytes:
        answer = client.get(address)
        assert answer.status_code == 200, answer.status_code
        return answer.content

    ask()
    return ask


def _present() -> Present:
    here = installation()
    return Present(NOW, here.zone, here.currency)
