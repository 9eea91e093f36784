"""Benchmarks: the same method on the same problem, by tersegrad and its rivals (``python -m benchmarks``)."""
