"""The command line's clients: they speak HTTP to a running server and know nothing else of it."""
