"""The Ray backend: actors on the nodes of a cluster run the same lanes as workers here do. Free of JAX."""
