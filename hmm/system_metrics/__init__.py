"""How the house itself is doing: what web, worker, collector and database write of themselves each 30 seconds."""
