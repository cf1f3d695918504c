"""Analytics: a view of figures that its address says wholly, with the same as a table, as CSV and as JSON."""
