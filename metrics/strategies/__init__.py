"""The page that shows whom a strategy would cut: its figures from the store, its ranking from miners."""
