"""Export formats, one module each. Adding one adds one file; docs/adding-an-export.md says how."""

from hmm.lib.registry import Registry
from metrics.exports.base import Exporter

exporters: Registry[Exporter] = Registry("export format", "metrics.exports")
