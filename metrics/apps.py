from django.apps import AppConfig
from django.db.models.signals import post_migrate


class MetricsConfig(AppConfig):
    name = "metrics"
    verbose_name = "Metrics"
    default_auto_field = "django.db.models.AutoField"

    def ready(self) -> None:
        from metrics.kept_plans import refresh_kept_plans
        from metrics.store.view import refresh_view

        post_migrate.connect(refresh_view, sender=self)
        post_migrate.connect(refresh_kept_plans, sender=self)
