"""DM Control's suite, described. Free of JAX."""
