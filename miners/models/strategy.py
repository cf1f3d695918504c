"""Strategies of curtailment: by what a site's miners are ranked when it must draw less."""

from decimal import Decimal

from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import F, Q

from miners.models.site import Site

WHOLE = Decimal("1.00")
SHARE = [MinValueValidator(Decimal(0)), MaxValueValidator(WHOLE)]


class StrategyKind(models.TextChoices):
    """In which order miners are cut; docs/strategies.md has the rules."""

    PERFORMANCE_PRIORITY = "performance_priority", "performance priority"
    CUSTOMER_PRIORITY = "customer_priority", "customer priority"
    FAIR_DISTRIBUTION = "fair_distribution", "fair distribution"
    CUSTOM = "custom", "custom"


def check_weights(performance: Decimal, efficiency: Decimal, uptime: Decimal) -> None:
    """Raise ValidationError unless the three weights sum to 1.00: the one rule, in the same words everywhere."""
    total = performance + efficiency + uptime
    if total != WHOLE:
        raise ValidationError(
            f"The weights must sum to 1.00: {performance} + {efficiency} + {uptime} is {total}.",
            code="weights",
        )


class CurtailmentStrategy(models.Model):
    """A rule by which a site's miners are cut: a kind, what counts how much, and who is spared."""

    site = models.ForeignKey(Site, on_delete=models.CASCADE, related_name="strategies")
    name = models.CharField(max_length=100)
    kind = models.CharField(max_length=32, choices=StrategyKind.choices)
    weight_performance = models.DecimalField(
        max_digits=3, decimal_places=2, validators=SHARE, help_text="The three weights must sum to 1.00."
    )
    weight_efficiency = models.DecimalField(max_digits=3, decimal_places=2, validators=SHARE)
    weight_uptime = models.DecimalField(max_digits=3, decimal_places=2, validators=SHARE)
    vip_protection = models.BooleanField(
        "VIP protection", default=False, help_text="Miners of the tier VIP are never cut."
    )
    minimum_uptime = models.DecimalField(
        max_digits=3,
        decimal_places=2,
        default=Decimal("0.80"),
        validators=SHARE,
        help_text="0 to 1: a miner that was up for less of the last 24 hours is not cut further.",
    )
    active = models.BooleanField(default=True)
    seed = models.CharField(
        max_length=32,
        blank=True,
        editable=False,
        help_text="Which of the seeded strategies it is; empty: your own.",
    )

    class Meta:
        ordering = ["site", "pk"]
        verbose_name_plural = "curtailment strategies"
        constraints = [
            models.UniqueConstraint(
                fields=["site", "name"],
                name="strategy_name_once_a_site",
                violation_error_message="This site has a strategy of that name already.",
            ),
            models.UniqueConstraint(
                fields=["site", "seed"], condition=~Q(seed=""), name="strategy_seed_once_a_site"
            ),
            models.CheckConstraint(
                condition=Q(
                    weight_performance__gte=0,
                    weight_efficiency__gte=0,
                    weight_uptime__gte=0,
                    weight_uptime=WHOLE - F("weight_performance") - F("weight_efficiency"),
                ),
                name="strategy_weights_sum_to_one",
            ),
            models.CheckConstraint(
                condition=Q(minimum_uptime__gte=0, minimum_uptime__lte=1), name="strategy_uptime_is_a_share"
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def is_seeded(self) -> bool:
        """Tell whether it is one of those that seed_strategies makes."""
        return bool(self.seed)

    @property
    def weights(self) -> tuple[Decimal, Decimal, Decimal]:
        """The weights of performance, efficiency and uptime, in this order."""
        return (self.weight_performance, self.weight_efficiency, self.weight_uptime)

    def clean(self) -> None:
        """Refuse weights that do not sum to 1.00; one that is no number is refused at its own field."""
        if not all(isinstance(weight, Decimal) for weight in self.weights):
            return
        try:
            check_weights(*self.weights)
        except ValidationError as error:
            # At a field, so that the database's own rule does not say the same once more.
            raise ValidationError({"weight_uptime": error}) from error
