"""Admin of the ground floor: the installation, and what the house notes about itself, to look at."""

from collections.abc import Iterator
from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.admin.options import IS_POPUP_VAR
from django.contrib.admin.views.main import ChangeList
from django.db import transaction
from django.db.models import Model
from django.forms import Media
from django.http import HttpRequest, HttpResponse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from hmm.installation import forget_installation
from hmm.models import DirtyRange, Heartbeat, Installation, JobRun, OutsideSource

MEANS = {
    "time_zone": "All figures are merged anew into the hours, days, weeks and months of {value}, "
    "which may take a moment.",
    "currency": "Amounts stored so far are not converted, only named in {value} from now on.",
}
"""What a change of the installation means for the figures there are, by field."""


class LightListAdmin(admin.ModelAdmin):
    """The base of every admin of ours: its list brings the scripts that a list uses, not those of Django's forms as well.

    Those are jQuery, XRegExp and what fills in fields, 60 kB gzipped. Forms and pop-ups, which pick a row by them, keep all.
    """

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Show the list."""
        if IS_POPUP_VAR in request.GET or self.list_editable:
            return super().changelist_view(request, extra_context)
        scripts = Media(js=["admin/js/actions.js"] if self.get_actions(request) else [])
        return super().changelist_view(request, {"media": scripts, **(extra_context or {})})

    def action_checkbox(self, obj: Model) -> SafeString:
        """Return Django's own box, without a template of its own for each: a tenth of the list's time."""
        return format_html(
            '<input type="checkbox" name="{}" value="{}" class="action-select"'
            ' aria-label="Select this object for an action - {}">',
            ACTION_CHECKBOX_NAME,
            obj.pk,
            obj,
        )


class ReadOnly:
    """Mixed into an admin or an inline of rows that the program writes: nobody adds, changes or deletes any."""

    def has_add_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False


class NamedValues(admin.AllValuesFieldListFilter):
    """A filter by the values there are, in which an empty one has a name too."""

    def choices(self, changelist: ChangeList) -> Iterator[Any]:
        """Say "none" where a value is empty."""
        for choice in super().choices(changelist):
            yield {**choice, "display": choice["display"] or "none"}


class ReadOnlyAdmin(ReadOnly, LightListAdmin):
    """Rows to look at, of which there may be too many to count for each page."""

    show_full_result_count = False


@admin.register(Installation)
class InstallationAdmin(LightListAdmin):
    """The one row; it can be changed, with a warning, and neither added to nor deleted."""

    list_display = ("__str__", "time_zone", "currency")
    fieldsets = (
        (
            None,
            {
                "fields": ("time_zone", "currency"),
                "description": "Set both before there are figures: amounts stored so far are not converted.",
            },
        ),
    )

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def save_model(self, request: HttpRequest, obj: Installation, form: Any, change: bool) -> None:
        """Save, have every process read it anew, and say what it means."""
        super().save_model(request, obj, form, change)
        transaction.on_commit(forget_installation)
        for name in form.changed_data:
            messages.warning(request, MEANS[name].format(value=getattr(obj, name)))


@admin.register(JobRun)
class JobRunAdmin(ReadOnlyAdmin):
    """Runs of recurring jobs, the latest first."""

    list_display = ("name", "started_at", "took", "rows", "success", "error")
    list_filter = ("success", "name", "started_at")
    search_fields = ("name", "error")
    ordering = ("-started_at",)

    @admin.display(description="duration, s", ordering="duration_s")
    def took(self, run: JobRun) -> str:
        return f"{run.duration_s:,.2f}"


@admin.register(DirtyRange)
class DirtyRangeAdmin(ReadOnlyAdmin):
    """What is still to be computed anew; empty when all is."""

    list_display = ("kind", "start", "end", "entity_ids")
    list_filter = ("kind",)
    ordering = ("start",)


@admin.register(Heartbeat)
class HeartbeatAdmin(ReadOnlyAdmin):
    """The last sign of life of each service."""

    list_display = ("service", "at")
    ordering = ("service",)


@admin.register(OutsideSource)
class OutsideSourceAdmin(ReadOnlyAdmin):
    """Services outside: how often they were asked, when they last answered, and their last error."""

    list_display = (
        "name",
        "host",
        "hits",
        "misses",
        "uncached",
        "errors",
        "uncached_errors",
        "unasked",
        "stale",
        "last_ok_at",
        "last_error_at",
        "last_error",
    )
    list_filter = ("name",)
    search_fields = ("name", "host", "last_error")
