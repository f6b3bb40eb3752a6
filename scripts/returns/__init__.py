"""The returns of the benchmark: read from runs, written as data, and shown on its page."""
