"""`setup_demo`: the simulated fleet as ordinary miners with a past, once."""

import json
import threading
from datetime import timedelta
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone
from django_q.models import OrmQ

from energy.models import PriceSlot, Tariff
from miners.demo.devices import ManifestRefused, add_devices, read_manifest
from miners.models import LatestReading, Miner, MinerSite, Site, Telemetry
from miners.simulator.fleet import fleet, manifest
from miners.telemetry.rows import TelemetryRow
from miners.telemetry.write import write_rows
from pools.models import CoinPrice, NetworkState, Pool
from pools.simulator.server import OutsideServer
from tests.factories import MinerFactory


@pytest.fixture
def site(db: None) -> Site:
    return Site.objects.get(pk=1)


@pytest.fixture
def listed(tmp_path: Path) -> Path:
    path = tmp_path / "fleet.json"
    path.write_text(json.dumps(manifest(fleet(3), "127.0.0.1", 18_000)))
    return path


@pytest.fixture
def _priced(site: Site) -> None:
    """A year of prices is there, so that none are fetched."""
    start = timezone.now() - timedelta(days=366)
    PriceSlot.objects.create(
        tariff=Tariff.objects.get(pk=1), start=start, end=start + timedelta(minutes=30), pence_per_kwh=20.0
    )


def setup(path: Path, *options: str) -> None:
    call_command("setup_demo", "--manifest", str(path), "--days", "2", *options)


@pytest.mark.usefixtures("_priced")
def test_the_fleet_becomes_miners_with_a_past_and_a_backfill_is_asked_for(listed: Path) -> None:
    setup(listed)
    miners = list(Miner.objects.order_by("port"))
    assert [(m.name, m.host, m.port) for m in miners] == [
        (spec.name, "127.0.0.1", 18_000 + index) for index, spec in enumerate(fleet(3))
    ]
    assert MinerSite.objects.filter(site_id=1).count() == 3
    for miner in miners:
        rows = Telemetry.objects.filter(miner=miner)
        assert rows.count() > 2 * 288 * 0.8
        assert rows.earliest("timestamp").timestamp < timezone.now() - timedelta(days=1, hours=12)
        assert LatestReading.objects.get(miner=miner).timestamp > timezone.now() - timedelta(minutes=10)
    assert [task.func() for task in OrmQ.objects.all()] == ["metrics.tasks.backfill"]


@pytest.mark.usefixtures("_priced")
def test_simulated_pools_and_the_past_of_coin_prices_come_too_and_once(listed: Path, settings) -> None:
    with OutsideServer(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        settings.COINGECKO_BASE_URL = settings.MEMPOOL_BASE_URL = server.url
        setup(listed, "--outside", server.url)
        hours = CoinPrice.objects.count()
        setup(listed, "--outside", server.url)
        server.shutdown()
        thread.join()
    assert list(Pool.objects.values_list("url", flat=True)) == [server.url] * 2
    assert 46 <= hours <= 48
    assert CoinPrice.objects.count() == hours
    assert NetworkState.objects.exists()


@pytest.mark.usefixtures("_priced")
def test_a_second_run_adds_nothing(listed: Path) -> None:
    setup(listed)
    OrmQ.objects.all().delete()
    count = Telemetry.objects.count()
    setup(listed)
    assert (Miner.objects.count(), Telemetry.objects.count(), OrmQ.objects.count()) == (3, count, 0)


@pytest.mark.usefixtures("_priced")
def test_a_miner_that_was_polled_before_its_past_came_still_gets_it(listed: Path, site: Site) -> None:
    (miner, *_) = add_devices(read_manifest(listed), site)
    now = timezone.now()
    write_rows([TelemetryRow(miner.pk, now, 30, 1.0)], source="collector", now=now)
    setup(listed)
    assert Telemetry.objects.filter(miner=miner).count() > 288


@pytest.mark.usefixtures("_priced")
def test_a_fleet_on_other_ports_is_found_again(listed: Path) -> None:
    setup(listed)
    listed.write_text(json.dumps(manifest(fleet(3), "127.0.0.1", 18_001)))
    setup(listed)
    assert list(Miner.objects.order_by("port").values_list("port", flat=True)) == [18_001, 18_002, 18_003]


def test_a_miner_of_ones_own_is_not_taken_for_a_simulated_one(listed: Path, site: Site) -> None:
    MinerFactory(name=fleet(3)[1].name, host="192.0.2.4")
    with pytest.raises(CommandError, match=r"a miner of your own at 192\.0\.2\.4"):
        setup(listed)
    assert Miner.objects.count() == 1


@pytest.mark.parametrize("content", ["", "{}", '["x"]', '[{"name": "a"}]', "[" * 9])
def test_what_is_no_manifest_is_refused(tmp_path: Path, content: str) -> None:
    path = tmp_path / "fleet.json"
    path.write_text(content)
    if content == "{}":  # an empty object lists nothing
        assert read_manifest(path) == []
        return
    with pytest.raises(ManifestRefused, match="no manifest"):
        read_manifest(path)


def test_a_missing_manifest_is_one_clear_line(site: Site, tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="cannot read") as caught:
        setup(tmp_path / "none.json")
    assert caught.value.returncode == 2
