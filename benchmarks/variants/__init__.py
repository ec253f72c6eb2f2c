"""What is measured: each module has functions that return the callable to time."""
