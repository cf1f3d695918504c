"""What a collector measures: polls, how long they take, and the readings they give."""

from hmm.system_metrics.instruments import counter, distribution

polls_ok = counter("polls_ok_per_s", "collector", "polls/s", "Polls that gave a reading")
polls_failed = counter("polls_failed_per_s", "collector", "polls/s", "Polls that gave none")
poll_duration_ms = distribution("poll_duration_ms", "collector", "ms", "polls, failed ones too, are over")
readings_stored = counter("readings_per_s", "collector", "readings/s", "Readings stored as telemetry")
