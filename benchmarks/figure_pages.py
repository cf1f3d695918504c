"""How fast the pages of figures are served: ledger, prices, analytics, and the explanation of a figure."""

import gzip
from collections.abc import Callable
from datetime import timedelta
from unittest.mock import patch

from django.contrib.auth import get_user_model
from django.test import Client
from django.utils import timezone

from benchmarks import dataset
from benchmarks.measure import measure
from metrics.engine.run import fill

TIMES = 15
DAY = dataset.START + timedelta(days=1)
DATE = f"{DAY + timedelta(hours=1):%Y-%m-%d}"  # the local day that begins then
WEEK = f"from={dataset.START + timedelta(hours=1):%Y-%m-%d}&to={dataset.END - timedelta(hours=1):%Y-%m-%d}"
SLOT = f"{DAY + timedelta(hours=10):%Y-%m-%dT%H:%MZ}"


def figure_pages(ids: list[int]) -> None:
    """Each page at the end of the data set, as somebody sees it who is signed in."""
    fill(dataset.END)
    client = Client(SERVER_NAME="localhost")
    client.force_login(
        get_user_model().objects.create(username="reader"),
        backend="django.contrib.auth.backends.ModelBackend",
    )
    with patch.object(timezone, "now", return_value=dataset.END):
        for name, address in addresses(ids).items():
            shown(f"page: {name}", client, address)


def addresses(ids: list[int]) -> dict[str, str]:
    """Return the pages, by name."""
    whose = f"entity_type=miner&entity_id={ids[5]}&period=slot&at={SLOT}"
    return {
        "the ledger of every miner": f"/ledger?day={DATE}",
        "the ledger of all together": f"/ledger?day={DATE}&of=together",
        "prices": "/prices",
        "explain a miner's slot": f"/explain?type=energy_cost&key=cost_gbp&{whose}",
        "explain the system's day": "/explain?type=energy_cost&key=total_cost_gbp&entity_type=system&period=daily"
        f"&at={DAY:%Y-%m-%dT%H:%MZ}",
        "analytics: a week of hours": f"/analytics?period=hourly&{WEEK}",
        "analytics: calendar": f"/analytics?view=calendar&{WEEK}",
        "analytics: distribution": f"/analytics?view=distribution&metric=hashrate.avg&{WEEK}",
        "analytics: ranking": f"/analytics?view=ranking&metric=efficiency.j_per_th&{WEEK}",
        "analytics: by price": f"/analytics?view=bands&{WEEK}",
        "analytics: what changed the cost": f"/analytics?view=waterfall&{WEEK}",
    }


def shown(name: str, client: Client, address: str) -> None:
    """Measure a page, and print what it weighs."""
    ask = asking(client, address)
    measure(name, ask, TIMES)
    print(f"{'  gzipped':52} {len(gzip.compress(ask(), mtime=0)) / 1000:9.1f} kB")


def asking(client: Client, address: str) -> Callable[[], bytes]:
    """Return what asks for `address`, which must be there."""

    def ask() -> bytes:
        answer = client.get(address)
        assert answer.status_code == 200, (answer.status_code, address)
        return answer.content

    ask()
    return ask
