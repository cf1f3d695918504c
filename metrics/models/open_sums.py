"""What is known of a slot that is not over, where its telemetry is too much to be read for each page."""

from django.db import models


class OpenPart(models.Model):
    """What one site did in [start, end) of the open slot: `row` has the sums of the store's columns by name.

    `cells` are its covered seconds by bucket of the sketches: (buckets, seconds). Before the open slot begins, what of
    the open hour the slots already have is a part of cells alone.
    """

    site_id = models.IntegerField()
    start = models.DateTimeField()
    end = models.DateTimeField()
    row = models.JSONField(null=True)
    cells = models.JSONField()

    def __str__(self) -> str:
        return f"site {self.site_id} from {self.start:%Y-%m-%d %H:%M:%S} to {self.end:%H:%M:%S}"


class OpenSums(models.Model):
    """What every site did in [start, end), from where the stored slots end; one row, or none.

    `sites` are rows as those of OpenPart with their `entity_id`; `cells` are (sites, buckets, seconds) of all since
    `hour`, where the stored hours end; `miners` has for each site the miners that did it, as bits in base 64. `farm` is
    the version of who was where, in which zone and currency. `reaches_on`: some reading tells of what is after `end`.
    """

    hour = models.DateTimeField()
    start = models.DateTimeField()
    end = models.DateTimeField()
    farm = models.TextField()
    reaches_on = models.BooleanField()
    sites = models.JSONField()
    cells = models.JSONField()
    miners = models.JSONField()

    def __str__(self) -> str:
        return f"{self.start:%Y-%m-%d %H:%M} to {self.end:%H:%M:%S}"
