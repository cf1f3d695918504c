"""Makes a token for the API."""

from argparse import ArgumentParser
from typing import Any

from hmm.lib.commands import HmmCommand, fail
from metrics.models.token import ApiToken, NameTaken, Scope, create_token

MAX_LENGTH = ApiToken._meta.get_field("name").max_length or 0


class Command(HmmCommand):
    help = (
        "Make a token with which a program may read the API, or with --scope ingest push telemetry: never both. It "
        "is shown once; only its digest is kept."
    )
    example = "manage.py create_api_token home-assistant"

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("name", metavar="NAME", help="what the token is for")
        parser.add_argument(
            "--scope",
            choices=Scope.values,
            default=Scope.READ.value,
            help="what it lets a program do: read figures, or ingest (POST /api/telemetry); read unless given",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        name = options["name"].strip()
        _check(name)
        try:
            token = create_token(name, options["scope"])
        except NameTaken:
            fail(f"there is a token called {name!r} already; choose another name, or delete it in the admin")
        self.stdout.write(f"token {name!r}, shown only this once: {token}")


def _check(name: str) -> None:
    if not name or not name.isprintable():
        fail(f"{name!r} is not a name; say what the token is for, e.g. home-assistant")
    if len(name) > MAX_LENGTH:
        fail(f"the name has {len(name)} characters; at most {MAX_LENGTH} are kept")
