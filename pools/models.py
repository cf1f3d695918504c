"""Pools, and what came of each check of one."""

from django.db import models

from hmm.lib.sealed import SealedField


class Pool(models.Model):
    """A mining pool that is checked: by a miner's handshake, by asking its web address, or both."""

    name = models.CharField(max_length=100, unique=True)
    client = models.CharField(max_length=32, help_text="Which kind of pool it is.")
    url = models.CharField(
        "web address", max_length=300, blank=True, help_text="Empty: the one its kind usually has."
    )
    stratum_url = models.CharField(
        "stratum address",
        max_length=300,
        blank=True,
        help_text="Where miners connect, such as stratum+tcp://solo.ckpool.org:3333.",
    )
    user = models.CharField(max_length=200, blank=True, help_text="Your address or name at the pool.")
    token = SealedField(blank=True, help_text="Access token or API key, where the pool wants one.")
    is_solo = models.BooleanField(
        default=False, help_text="A block's reward goes to its finder: earnings are an expectation."
    )
    active = models.BooleanField(default=True, help_text="Check it.")

    def __str__(self) -> str:
        return self.name


class PoolReading(models.Model):
    """One check of a pool. Append-only. Null is what the pool did not say; hashrates are GH/s.

    It stands for the interval [timestamp − covered_s, timestamp). `accepted` and `rejected` are increments since the
    counters of the reading before; the figures of the pool and of its user are `age_s` old.
    """

    id = models.BigAutoField(primary_key=True)
    pool = models.ForeignKey(Pool, on_delete=models.CASCADE, related_name="readings")
    timestamp = models.DateTimeField()
    covered_s = models.PositiveIntegerField()
    reachable = models.BooleanField()
    response_time_ms = models.FloatField(null=True)
    failed_step = models.CharField(
        max_length=16, blank=True, help_text="dns, connect, tls, subscribe, authorize or http."
    )
    error = models.CharField(max_length=500, blank=True)
    hashrate_ghs = models.FloatField(null=True)
    workers = models.IntegerField(null=True)
    best_difficulty = models.FloatField(null=True)
    balance = models.FloatField(null=True)
    pool_hashrate_ghs = models.FloatField(null=True)
    pool_workers = models.IntegerField(null=True)
    accepted_total = models.BigIntegerField(null=True)
    rejected_total = models.BigIntegerField(null=True)
    accepted = models.BigIntegerField(null=True)
    rejected = models.BigIntegerField(null=True)
    age_s = models.FloatField(null=True)
    warnings = models.JSONField(default=list)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["pool", "timestamp"], name="pool_reading_once")]
        indexes = [models.Index(fields=["timestamp"], name="pool_reading_by_time")]

    def __str__(self) -> str:
        return f"{self.pool_id} at {self.timestamp:%Y-%m-%d %H:%M:%S}"


class CoinPrice(models.Model):
    """What one coin cost at a moment. History: appended, never changed."""

    id = models.BigAutoField(primary_key=True)
    coin = models.CharField(max_length=8)
    currency = models.CharField(max_length=3)
    timestamp = models.DateTimeField()
    price = models.FloatField(help_text="In whole units of the currency.")
    source = models.CharField(max_length=32)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["coin", "currency", "timestamp"], name="coin_price_once"),
            models.CheckConstraint(condition=models.Q(price__gt=0), name="coin_price_is_positive"),
        ]

    def __str__(self) -> str:
        return f"{self.coin} {self.price:g} {self.currency} at {self.timestamp:%Y-%m-%d %H:%M}"


class NetworkState(models.Model):
    """From `timestamp` on, what a block of a coin's network takes and pays. History: appended, never changed."""

    id = models.BigAutoField(primary_key=True)
    coin = models.CharField(max_length=8, default="BTC")
    timestamp = models.DateTimeField()
    difficulty = models.FloatField()
    subsidy = models.FloatField(help_text="Coins for a block, without fees.")
    height = models.PositiveIntegerField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["coin", "timestamp"], name="network_state_once"),
            models.CheckConstraint(
                condition=models.Q(difficulty__gt=0), name="network_difficulty_is_positive"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.coin} difficulty {self.difficulty:g} from {self.timestamp:%Y-%m-%d %H:%M}"
