"""A book club: two modules, together in one process or apart in two."""
