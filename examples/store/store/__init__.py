"""A shop: modules that run together in one process, or apart in several."""
