"""Sketches: what percentiles need, kept where telemetry is not."""
