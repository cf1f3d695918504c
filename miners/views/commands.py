"""A miner's orders: what became of them, and a way to give more. A page of its own, and a part of others."""

from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods
from django.views.decorators.vary import vary_on_headers

from miners.control.arguments import ARGUMENTS, parse_arguments
from miners.control.ask import LONGEST_WHY, CommandRefused, ask_command, queue_command
from miners.control.look import offers_known
from miners.drivers.orders import Kind
from miners.models import Command, CommandStatus, LatestReading, Miner

SHOWN = 20
SECRETS = ("device", "pool")
PERMISSION = "miners.add_command"
AT_A_CLICK = (Kind.RESTART, Kind.PAUSE, Kind.RESUME, Kind.IDENTIFY)
TONES = {
    CommandStatus.CONFIRMED: "good",
    CommandStatus.UNKNOWN: "warn",
    CommandStatus.REFUSED: "warn",
    CommandStatus.FAILED: "bad",
    CommandStatus.DRIFTED: "bad",
}


@never_cache
@vary_on_headers("HX-Request")
@require_http_methods(["GET", "HEAD", "POST"])
def commands(request: HttpRequest, miner_id: int) -> HttpResponse:
    """Show a miner's orders; on POST give it one. To htmx it is a part of a page, to others a page."""
    miner = get_object_or_404(Miner.objects.select_related("model", "latest"), pk=miner_id)
    refused = _order(request, miner) if request.method == "POST" else ""
    is_part = bool(getattr(request, "htmx", False))
    if request.method == "POST" and not refused and not is_part:
        return redirect("miners:commands", miner_id=miner.pk)
    template = "miners/_commands.html" if is_part else "miners/commands.html"
    typed = _typed(request) if refused else {}
    return render(request, template, commands_context(miner) | {"refused": refused, "typed": typed})


def _typed(request: HttpRequest) -> dict[str, str]:
    """Return what was typed, but for passwords, which no page says again."""
    return {name: str(text) for name, text in request.POST.items() if not name.endswith("_password")}


def commands_context(miner: Miner) -> dict[str, Any]:
    """Return what `miners/_commands.html` shows of `miner`, whose model and latest reading are at hand."""
    latest: LatestReading | None = getattr(miner, "latest", None)
    offers = offers_known(miner, latest)
    rows = list(Command.objects.filter(miner=miner).order_by("-pk")[:SHOWN])
    return {
        "miner": miner,
        "latest": latest,
        "rows": [(command, TONES.get(CommandStatus(command.status), "muted")) for command in rows],
        "is_waiting": any(command.is_open for command in rows),
        "offers": offers,
        "needs_password": Kind.POOL in offers.with_password,
        "takes_password": bool(offers.takes_password),
        "at_a_click": [kind for kind in AT_A_CLICK if kind in offers.kinds],
        "modes": list(enumerate(offers.modes)),
        "longest": LONGEST_WHY,
    }


def _order(request: HttpRequest, miner: Miner) -> str:
    """Give the miner the order of the form, with the passwords in it; return why that is not done, or ""."""
    if not request.user.has_perm(PERMISSION):
        raise PermissionDenied
    try:
        kind = Kind(request.POST.get("kind", ""))
        names = ARGUMENTS.get(kind, {})
        given = {name: request.POST[name] for name in names if request.POST.get(name, "").strip()}
        arguments = parse_arguments(kind, given)
        who, why = request.user.get_username(), request.POST.get("why", "")
        secrets = {name: request.POST.get(f"{name}_password", "") for name in SECRETS}
        command = ask_command(miner, kind, arguments, who=who, why=why, now=timezone.now())
        queue_command(command, secrets)
    except (ValueError, CommandRefused) as error:
        return str(error)
    return ""
