"""What the dashboard shows: pure functions of data and the time, and one module that reads the data."""
