"""Orders to miners: asked for, sent once, and judged by what the miner then measures."""
