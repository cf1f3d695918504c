"""`manage.py fast_insert_telemetry`: what generate_telemetry was called before."""

from typing import Any

from miners.management.commands import generate_telemetry


class Command(generate_telemetry.Command):
    help = f"Deprecated: use generate_telemetry. {generate_telemetry.Command.help}"
    example = "manage.py generate_telemetry --site-id 2 --miners 100"

    def handle(self, *args: Any, **options: Any) -> None:
        self.stderr.write("fast_insert_telemetry is deprecated: use generate_telemetry, which takes the same")
        super().handle(*args, **options)
