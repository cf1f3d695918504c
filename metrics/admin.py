"""Admin of the API's tokens, and of how far the store is filled, to look at."""

from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone

from hmm.admin import LightListAdmin, ReadOnlyAdmin
from metrics.models import ApiToken, Watermark
from metrics.models.token import digest_of, new_token


@admin.register(ApiToken)
class ApiTokenAdmin(LightListAdmin):
    """Tokens. A new one is shown once, when it is made; only its digest is kept."""

    list_display = ("name", "scope", "created_at", "last_used_at", "revoked_at")
    list_filter = (
        "scope",
        ("revoked_at", admin.EmptyFieldListFilter),
    )
    search_fields = ("name",)
    ordering = ("name",)
    actions = ("revoke",)
    readonly_fields = ("created_at", "last_used_at", "revoked_at")

    def get_fields(self, request: HttpRequest, obj: ApiToken | None = None) -> tuple[str, ...]:
        """Ask for a name and a scope only."""
        return ("name", "scope", *self.readonly_fields) if obj else ("name", "scope")

    def get_readonly_fields(self, request: HttpRequest, obj: ApiToken | None = None) -> tuple[str, ...]:
        """What a token may do is said when it is made."""
        return (*self.readonly_fields, "scope") if obj else self.readonly_fields

    def save_model(self, request: HttpRequest, obj: ApiToken, form: Any, change: bool) -> None:
        """Save; show the token of a new one."""
        if not change:
            token = new_token()
            obj.digest = digest_of(token)
            messages.warning(request, f"The token of {obj.name}, shown only this once: {token}")
        super().save_model(request, obj, form, change)

    @admin.action(description="Revoke the selected tokens", permissions=["change"])
    def revoke(self, request: HttpRequest, queryset: QuerySet[ApiToken]) -> None:
        """Have these tokens refused from now on."""
        count = queryset.filter(revoked_at=None).update(revoked_at=timezone.now())
        messages.success(request, f"Revoked: {count}.")


@admin.register(Watermark)
class WatermarkAdmin(ReadOnlyAdmin):
    """Up to when each period's figures are stored."""

    list_display = ("period", "filled_to")
    ordering = ("-filled_to",)
