"""Which collectors live, and which of them polls each site until when: by the database's clock."""

from django.db import models

from miners.models.site import Site


class CollectorPresence(models.Model):
    """A running `collect` process. It lives until `until`, unless it says so again before."""

    name = models.CharField(max_length=120, primary_key=True)
    since = models.DateTimeField()
    until = models.DateTimeField()

    class Meta:
        verbose_name = "collector"

    def __str__(self) -> str:
        return self.name


class SiteLease(models.Model):
    """Until `until` nobody but `holder` polls the miners of this site; an empty holder has given it back."""

    site = models.OneToOneField(Site, on_delete=models.CASCADE, primary_key=True, related_name="lease")
    holder = models.CharField(max_length=120)
    since = models.DateTimeField()
    until = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.site}: {self.holder or 'nobody'} until {self.until:%Y-%m-%d %H:%M:%S}"
