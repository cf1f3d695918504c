"""A Django database backend that brings its own PostgreSQL server.

`ENGINE = "hmm.postgres"` with `DATA_DIR` in the settings: the server lives under that directory, is started
when it is first needed, is shared by every process of the installation, and listens on a private socket only.
"""
