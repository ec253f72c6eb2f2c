"""Two services for the benchmark of calls between processes."""
