"""One module a service (or concern); each declares its statistics, which docs/system-metrics.md lists."""
