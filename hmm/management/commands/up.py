"""manage.py up."""

import threading
from argparse import ArgumentParser
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.utils import timezone

from hmm.first_rows import ADMIN
from hmm.installation import installation
from hmm.lib.commands import HmmCommand, fail
from hmm.postgres.errors import ServerUnavailable
from hmm.schedule import sync_schedules
from hmm.supervisor.address import require_free, url, wait_until_answering
from hmm.supervisor.console import Console
from hmm.supervisor.database import running_database
from hmm.supervisor.house import House
from hmm.supervisor.instance import end_leftovers, only_instance
from hmm.supervisor.loop import Supervisor
from hmm.supervisor.service import Service
from hmm.supervisor.signals import StopSignals
from hmm.supervisor.static import ensure_collected

WEB_PATIENCE_S = 60


class Command(HmmCommand):
    help = (
        "Run HMM: database, web, worker and collector under one supervisor, until Ctrl-C or SIGTERM."
        " With --demo on a simulated fleet, simulated prices and pools."
    )
    example = "HMM_PORT=8080 manage.py up --demo"

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--demo", action="store_true", help="run on a simulated fleet")

    def handle(self, *args: Any, demo: bool, **options: Any) -> None:
        house = House(settings.BASE_DIR, settings.DATA_DIR, settings.HOST, settings.PORT)
        console = Console()
        with StopSignals() as signals, only_instance(house.data_dir):
            services = choose_services(house, demo, console)
            try:
                run(house, services, console, signals)
            except ServerUnavailable as error:
                fail(str(error))
        console.say("HMM has stopped.")


def choose_services(house: House, demo: bool, console: Console) -> list[Service]:
    """Clear what a killed run has left, see that the port is free, and return what is to run."""
    if end_leftovers(house.data_dir):
        console.say("Ended what was left of a run that was killed.")
    require_free(house.host, house.port)
    house.manifest.unlink(missing_ok=True)
    return house.demo_services() if demo else house.services()


def run(house: House, services: list[Service], console: Console, signals: StopSignals) -> None:
    """Have the database running, and the services on it, until a signal asks to stop."""
    with ThreadPoolExecutor(1) as beside, running_database():
        collected = beside.submit(ensure_collected)
        prepare_database()
        collected.result()
        stop = signals.running()
        threading.Thread(target=announce, args=(house, console, stop), daemon=True).start()
        Supervisor(services, house.data_dir, console=console).run(stop)


def prepare_database() -> None:
    """Migrate, and bring the schedules along."""
    call_command("migrate", interactive=False, verbosity=0)
    sync_schedules(timezone.now(), installation().zone)


def announce(house: House, console: Console, stop: threading.Event) -> None:
    """Say where HMM is as soon as it answers there."""
    if wait_until_answering(house.host, house.port, stop, WEB_PATIENCE_S):
        console.say(f"HMM is running at {url(house.host, house.port)}  (user {ADMIN}). Ctrl-C stops it.")
    elif not stop.is_set():
        console.say(f"The web has not answered for {WEB_PATIENCE_S} s; see its lines above.")
