"""A stand-in for the company that charges cards."""
