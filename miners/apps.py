from django.apps import AppConfig
from django.db.models.signals import post_migrate


class MinersConfig(AppConfig):
    name = "miners"
    verbose_name = "Miners"
    default_auto_field = "django.db.models.AutoField"

    def ready(self) -> None:
        from miners.first_rows import ensure_first_rows
        from miners.telemetry.tick_sql import refresh_tick_function

        post_migrate.connect(ensure_first_rows, sender=self)
        post_migrate.connect(refresh_tick_function, sender=self)
