from django.apps import AppConfig
from django.db.models.signals import post_migrate


class MinersConfig(AppConfig):
    name = "miners"
    verbose_name = "Miners"
    default_auto_field = "django.db.models.AutoField"

    def ready(self) -> None:
        from miners.first_rows import ensure_first_rows

        post_migrate.connect(ensure_first_rows, sender=self)
