"""Orders in the admin: their history to look at, and those that need no more words for the miners that are selected."""

from collections.abc import Callable
from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.template.response import TemplateResponse
from django.utils import timezone

from hmm.admin import ReadOnlyAdmin
from hmm.lib.units import counted
from miners.control.arguments import parse_arguments
from miners.control.ask import LONGEST_WHY, CommandRefused, ask_command, queue_command
from miners.drivers.orders import Kind
from miners.models import Command, Miner

Action = Callable[[Any, HttpRequest, QuerySet[Miner]], TemplateResponse | None]


@admin.register(Command)
class CommandAdmin(ReadOnlyAdmin):
    """Orders, the latest first, and what became of each."""

    list_display = ["asked_at", "miner", "kind", "told", "who", "why", "status", "answer", "evidence"]
    list_filter = ["status", "kind", "asked_at", "miner__site", "who"]
    list_select_related = ["miner"]
    search_fields = ["miner__name", "who", "why", "answer", "evidence"]
    ordering = ["-pk"]

    @admin.display(description="arguments")
    def told(self, command: Command) -> str:
        return command.told


def order_action(kind: Kind) -> Action:
    """Return an action of the admin that gives the selected miners an order, once the user has said why."""

    @admin.action(description=f"Order the selected miners to {kind}", permissions=["command"])
    def act(model_admin: Any, request: HttpRequest, miners: QuerySet[Miner]) -> TemplateResponse | None:
        why = request.POST.get("why", "").strip()
        if not why:
            return _ask_why(model_admin, request, miners, kind)
        for miner in miners:
            _order(model_admin, request, miner, kind, why)
        return None

    act.__name__ = f"order_{kind}"
    return act


def _ask_why(model_admin: Any, request: HttpRequest, miners: QuerySet[Miner], kind: Kind) -> TemplateResponse:
    context = {
        **model_admin.admin_site.each_context(request),
        "title": f"Order {counted(len(miners), 'miner')} to {kind}",
        "miners": miners,
        "kind": kind,
        "action": request.POST["action"],
        "longest": LONGEST_WHY,
        "opts": model_admin.opts,
    }
    return TemplateResponse(request, "admin/miners/order.html", context)


def _order(model_admin: Any, request: HttpRequest, miner: Miner, kind: Kind, why: str) -> None:
    try:
        arguments = parse_arguments(kind, {})
        command = ask_command(
            miner, kind, arguments, who=request.user.get_username(), why=why, now=timezone.now()
        )
    except CommandRefused as refused:
        model_admin.message_user(request, f"Nothing was sent to {miner}: {refused}", messages.ERROR)
        return
    queue_command(command)
    model_admin.message_user(request, f"Sending {kind} to {miner}; see Commands", messages.SUCCESS)
