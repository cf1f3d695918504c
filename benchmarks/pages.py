"""How fast every page is served, and what its first view weighs: 100 miners and a year of hourly figures."""

import gzip
import re
import statistics
from collections.abc import Callable, Mapping
from pathlib import Path
from unittest.mock import patch

from django.contrib.auth import get_user_model
from django.contrib.staticfiles import finders
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse

from benchmarks import figure_pages, year
from benchmarks.measure import floor, processor_s, seconds
from hmm import gunicorn_hooks

BLOCKS = ("fleet_summary", "fleet_attention", "fleet_yesterday", "fleet_vitals", "price_bars", "miner_table")
MINER_BLOCKS = ("miner_reading", "miner_health", "miner_money", "miner_charts")
TIMES = 15
QUIET_FLOOR_S = 0.45
OLD_DASHBOARD_S = 10.0
"""What the dashboard of 10 miners took before there was HMM."""

STATIC = re.compile(r'(?:href|src)="/static/([^"]+\.(?:css|js))"')
IN_PANEL = {"HX-Request": "true"}

Ask = Callable[[], HttpResponse]


def pages() -> None:
    """Measure the dashboard of 10 miners, and of 100 miners every page, its blocks, and one that has not changed."""
    with patch("django.utils.timezone.now", lambda: year.NOW):
        year.house(10)
        client = _signed_in()
        heading()
        took_s = served("the dashboard of 10 miners", asking(client, "/"))
        print(f"{'  of the 10 s that it took before HMM':46} 1 / {OLD_DASHBOARD_S / took_s:.0f}")
        year.empty()
        ids = year.house(100)
        client = _signed_in()
        gunicorn_hooks.when_ready(None)  # as it is for a web process
        for name, address in addresses(ids).items():
            served(name, asking(client, address))
        for name, address in figure_pages.addresses(ids).items():
            served(name, asking(client, address))
            if name.startswith("explain"):
                served("  the same in its panel", asking(client, address, IN_PANEL))
        for name, address in parts(ids).items():
            served(name, asking(client, address))
        served("block: one that has not changed (304)", unchanged(client, reverse("metrics:fleet_summary")))


def addresses(ids: list[int]) -> dict[str, str]:
    """Return every page but those of figures, by name."""
    return {
        "the dashboard": "/",
        "the dashboard, by hashrate, its second page": "/?sort=hashrate&order=desc&page=2",
        "a miner": reverse("metrics:miner", args=[ids[5]]),
        "a miner by month": f"{reverse('metrics:miner', args=[ids[5]])}?by=monthly",
        "pools": "/pools",
        "system": "/system",
        "retention": "/retention",
        "strategies": "/strategies/ranking",
        "find miners": "/discovery",
        "set up": "/welcome",
        "the admin's list of miners": "/admin/miners/miner/",
        "analytics: a year of days": "/analytics?period=daily&from=2024-06-09&to=2025-06-08",
        "analytics: a year of days, a miner": "/analytics?period=daily&from=2024-06-09&to=2025-06-08&of=bench-100-5",
        "analytics: 30 days of hours": "/analytics?period=hourly&from=2025-05-10&to=2025-06-08",
        "analytics: a year's calendar": "/analytics?view=calendar&period=daily&from=2024-06-09&to=2025-06-08",
        "analytics: a year's ranking": "/analytics?view=ranking&from=2024-06-09&to=2025-06-08",
    }


def parts(ids: list[int]) -> dict[str, str]:
    """Return what pages fetch again by themselves, by name."""
    line = reverse("metrics:miner_series", args=[ids[5], "power"])
    return {
        **{f"block: {name}": reverse(f"metrics:{name}") for name in BLOCKS},
        **{f"block: {name}": reverse(f"metrics:{name}", args=[ids[5]]) for name in MINER_BLOCKS},
        "block: pool_table": reverse("metrics:pool_table"),
        "block: price_outlook": reverse("metrics:price_outlook"),
        "line: a miner's power of 24 hours": f"{line}?span=24h",
        "line: a miner's power of 30 days": f"{line}?span=30d",
    }


def heading() -> None:
    """Print what the columns of `served` are."""
    print(
        f"{'':46} {'p50':>9} {'database':>9} {'queries':>7} {'processor, here + server':>24} {'floor':>7}"
        f" {'ratio':>6} {'at a floor of 0.45 s':>20} {'html':>9} {'with css and js':>15}"
    )


def served(name: str, ask: Ask) -> float:
    """Print how long an answer takes, beside the floor before and after it, and what it weighs; return its p50 in seconds.

    The floor is that of 100 miners' rows: of a smaller house, the ratio says nothing.
    """
    floors = [seconds(floor)[0]]
    wholes, inside, here, there = [], [], [], []
    for _ in range(TIMES):
        before = processor_s()
        whole, clock = seconds(ask)
        after = processor_s()
        wholes.append(whole)
        inside.append(clock.seconds)
        here.append(after[0] - before[0])
        there.append(after[1] - before[1])
    floors.append(seconds(floor)[0])
    p50, database, own, theirs = (1e3 * statistics.median(found) for found in (wholes, inside, here, there))
    ratio = p50 / 1e3 / statistics.mean(floors)
    html, assets = weight(ask())
    print(
        f"{name:46} {p50:6.1f} ms {database:6.1f} ms {clock.statements:7} {f'{own:.1f} + {theirs:.1f} ms':>24}"
        f" {statistics.mean(floors):5.2f} s {ratio:6.3f} {ratio * QUIET_FLOOR_S * 1e3:17.1f} ms"
        f" {html / 1e3:6.1f} kB {(html + assets) / 1e3:12.1f} kB"
    )
    return p50 / 1e3


def weight(answer: HttpResponse) -> tuple[int, int]:
    """Return how many bytes the answer has, and the styles and scripts that it names; all gzipped."""
    named = sorted(set(STATIC.findall(answer.content.decode())))
    return _gzipped(answer.content), sum(_gzipped(_static(name)) for name in named)


def asking(client: Client, address: str, headers: Mapping[str, str] | None = None) -> Ask:
    """Return what asks for `address`, which must be there."""

    def ask() -> HttpResponse:
        answer: HttpResponse = client.get(address, headers=headers)
        assert answer.status_code == 200, (answer.status_code, address)
        return answer

    ask()
    return ask


def unchanged(client: Client, address: str) -> Ask:
    """Return what asks again for what has not changed."""
    tag = client.get(address)["ETag"]

    def ask() -> HttpResponse:
        answer: HttpResponse = client.get(address, headers={"If-None-Match": tag})
        assert answer.status_code == 304, answer.status_code
        return answer

    return ask


def _signed_in() -> Client:
    client = Client(SERVER_NAME="localhost")
    owner, _ = get_user_model().objects.get_or_create(username="benchmark", is_superuser=True, is_staff=True)
    client.force_login(owner, backend="django.contrib.auth.backends.ModelBackend")
    return client


def _static(name: str) -> bytes:
    found = finders.find(name)
    assert isinstance(found, str), name
    return Path(found).read_bytes()


def _gzipped(content: bytes) -> int:
    return len(gzip.compress(content, mtime=0))
