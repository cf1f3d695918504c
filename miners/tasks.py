"""The miners' recurring jobs."""

from collections.abc import Mapping
from datetime import timedelta

from django.conf import settings
from django.utils import timezone

from hmm.jobs import recorded_job
from hmm.lib.sealed import unseal
from miners.control.send import send_command as send
from miners.control.watch import judge_watched
from miners.discovery.moved import find_moved
from miners.discovery.run import run as run_discovery
from miners.telemetry.hypertable import compress_old
from miners.telemetry.packed.job import pack_old
from miners.telemetry.partitions import ensure_partitions

AHEAD = timedelta(days=7)


def make_partitions() -> int:
    """Make telemetry's partitions from today until a week ahead; return how many were made."""
    now = timezone.now()
    return len(ensure_partitions(now, now + AHEAD))


@recorded_job("pack_telemetry")
def pack_telemetry() -> int:
    """Pack the rows that are old enough; return how many."""
    return pack_old(timezone.now(), settings.RETENTION_DETAIL_DAYS)


@recorded_job("compress_telemetry")
def compress_telemetry() -> int:
    """Compress the chunks that are old enough, where telemetry is a hypertable; return how many."""
    return compress_old(timezone.now(), settings.RETENTION_DETAIL_DAYS)


def find_moved_miners() -> str:
    """Look for miners that have been unreachable for a while around their last address; say who was followed."""
    followed, refused = find_moved(timezone.now())
    return "; ".join([*(f"{miner.name} is at {miner.host} now" for miner in followed), *refused])


def send_command(command_id: int, sealed: Mapping[str, str] | None = None) -> str:
    """Send an order that was asked for, with the passwords that came sealed with it; say what became of it."""
    secrets = {name: word for name, told in (sealed or {}).items() if (word := unseal(told))}
    return send(command_id, secrets=secrets).status


def watch_commands() -> int:
    """Judge the orders that are watched by the latest readings; return how many were decided."""
    return judge_watched(timezone.now())


def discover(run_id: str, network: str) -> int:
    """Look for miners in `network`, with progress under `run_id`; return how many were found."""
    return run_discovery(run_id, network)
