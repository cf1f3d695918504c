"""The first run: where one is, what electricity costs there, and which miners there are. Each can be done later."""
