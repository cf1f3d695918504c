from django.apps import AppConfig
from django.db.models.signals import post_migrate


class EnergyConfig(AppConfig):
    name = "energy"
    verbose_name = "Energy"
    default_auto_field = "django.db.models.AutoField"

    def ready(self) -> None:
        from energy.first_rows import ensure_first_rows

        post_migrate.connect(ensure_first_rows, sender=self)
