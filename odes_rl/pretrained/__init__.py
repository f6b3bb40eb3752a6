"""Trained policies that come with the package, and the names by which commands and functions take them."""
