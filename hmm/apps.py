from django.apps import AppConfig
from django.db.models.signals import post_migrate


class HmmConfig(AppConfig):
    name = "hmm"
    verbose_name = "HMM"
    default_auto_field = "django.db.models.AutoField"

    def ready(self) -> None:
        from django_q.signals import post_execute_in_worker, pre_execute

        from hmm.field_units import name_with_units
        from hmm.first_rows import ensure_first_rows
        from hmm.postgres import checks  # noqa: F401
        from hmm.schedule import sync_after_migrate
        from hmm.supervisor.busy import mark_busy, mark_idle

        name_with_units(self.apps.get_models() if self.apps else ())
        post_migrate.connect(ensure_first_rows, sender=self)
        post_migrate.connect(sync_after_migrate, sender=self)
        pre_execute.connect(mark_busy)
        post_execute_in_worker.connect(mark_idle)
