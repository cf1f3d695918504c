"""Finds miners on the network: `networks` says where to look, `scan` looks, `known` says who it is, `adopt` keeps it."""
