"""The config of a run: its schema, and the sources that it is put together from."""
