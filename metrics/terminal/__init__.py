"""The dashboard in a terminal: the figures of the web's dashboard, and how jobs and queue are."""
