"""Which projects a change affects, and why each of them."""
