"""The half-hour ledger: what each miner used, paid and could expect to earn, slot by slot, as the store has it."""
