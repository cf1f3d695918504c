"""Admin of the API's tokens, and of how far the store is filled, to look at."""

from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone

from hmm.admin import ReadOnlyAdmin
from metrics.models import ApiToken, Watermark
from metrics.models.token import digest_of, new_token


@admin.register(ApiToken)
class ApiTokenAdmin(admin.ModelAdmin):
    """Tokens. A new one is shown once, when it is made; only its digest is kept."""

    list_display = ("name", "created_at", "last_used_at", "revoked_at")
    list_filter = (("revoked_at", admin.EmptyFieldListFilter),)
    search_fields = ("name",)
    ordering = ("name",)
    actions = ("revoke",)
    readonly_fields = ("created_at", "last_used_at", "revoked_at")

    def get_fields(self, request: HttpRequest, obj: ApiToken | None = None) -> tuple[str, ...]:
        """Ask for a name only."""
        return ("name", *self.readonly_fields) if obj else ("name",)

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
