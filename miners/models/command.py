"""Orders to miners, and what became of each."""

from django.db import models

from miners.drivers.orders import Kind
from miners.models.miner import Miner


class CommandKind(models.TextChoices):
    """What an order asks for."""

    RESTART = Kind.RESTART.value, "restart"
    PAUSE = Kind.PAUSE.value, "pause"
    RESUME = Kind.RESUME.value, "resume"
    MODE = Kind.MODE.value, "work mode"
    LEVEL = Kind.LEVEL.value, "work level"
    FREQUENCY = Kind.FREQUENCY.value, "frequency and core voltage"
    POWER = Kind.POWER.value, "power limit"
    POOL = Kind.POOL.value, "pool"
    IDENTIFY = Kind.IDENTIFY.value, "identify light"


class CommandStatus(models.TextChoices):
    """How far an order is. `unknown` is written before the first byte leaves: who dies then leaves just that."""

    PENDING = "pending", "pending"
    UNKNOWN = "unknown", "sent, outcome unknown"
    ACCEPTED = "accepted", "accepted"
    REFUSED = "refused", "refused, nothing sent"
    FAILED = "failed", "failed"
    CONFIRMED = "confirmed", "confirmed"
    DRIFTED = "drifted", "drifted"
    UNVERIFIABLE = "unverifiable", "cannot be verified"


OPEN = (CommandStatus.PENDING, CommandStatus.UNKNOWN, CommandStatus.ACCEPTED)
"""Of these it is not yet known how they end."""


class Command(models.Model):
    """An order to a device: who gave it and why, what was sent, what came back, and what the readings said then.

    Rows are added and never deleted. `arguments` hold no secrets, and in `sent` passwords are masked.
    """

    id = models.BigAutoField(primary_key=True)
    miner = models.ForeignKey(Miner, on_delete=models.PROTECT, related_name="commands")
    kind = models.CharField(max_length=16, choices=CommandKind.choices)
    arguments = models.JSONField(default=dict)
    who = models.CharField(max_length=150, help_text="A user, a strategy, or manage.py.")
    why = models.CharField(max_length=300)
    asked_at = models.DateTimeField()
    status = models.CharField(max_length=16, choices=CommandStatus.choices, default=CommandStatus.PENDING)
    sent = models.TextField(blank=True, help_text="What was sent, one request a line; passwords are masked.")
    sent_at = models.DateTimeField(null=True)
    answer = models.TextField(blank=True, help_text="The device's words, or why there are none.")
    expected = models.JSONField(default=dict, help_text="What readings must say for it to be confirmed.")
    evidence = models.TextField(blank=True, help_text="Which reading decided, and what it said.")
    decided_at = models.DateTimeField(null=True)
    watched = models.BooleanField(default=False, help_text="Readings are still compared with it.")

    class Meta:
        indexes = [
            models.Index(fields=["miner", "-asked_at"], name="command_of_miner"),
            models.Index(fields=["id"], name="command_watched", condition=models.Q(watched=True)),
            models.Index(fields=["id"], name="command_pending", condition=models.Q(status="pending")),
        ]

    def __str__(self) -> str:
        return f"#{self.pk} {self.kind} {self.miner}"

    @property
    def is_open(self) -> bool:
        """Whether it is not yet known how it ends."""
        return self.status in OPEN

    @property
    def told(self) -> str:
        """Its arguments in a line: "frequency_mhz=525 core_voltage_mv=1150"."""
        return " ".join(f"{name}={value}" for name, value in self.arguments.items())
