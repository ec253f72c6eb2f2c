"""Speed, measured side by side: each variant in a process of its own, in turns, CPU time beside wall time."""
