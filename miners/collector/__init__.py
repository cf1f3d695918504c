"""Polls the miners: one process, many devices at once, none of which can hold up another.

`schedule` says when, `poll` asks one device, `states` and `figures` decide what its answer means, `record`
stores a batch of answers, and `collector` drives them.
"""
