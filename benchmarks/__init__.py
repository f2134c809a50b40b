"""Measures Arkway beside what its users would pick instead. Run it with `python -m benchmarks`."""
