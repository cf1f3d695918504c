"""Metric types, one module each. Adding one adds one file; docs/adding-a-metric.md says how."""

from hmm.lib.registry import Registry
from metrics.types.base import MetricType

metric_types: Registry[MetricType] = Registry("metric type", "metrics.types")
