"""A streaming replica that pages and the API read from: `DATABASE_REPLICA_URL`.

`route` says where this request reads, `lag` whether the replica is fit to be read, and `middleware` decides for each
request. Everything else (commands, the worker, the collector) knows only the primary.
"""
