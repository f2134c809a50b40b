"""The scenarios of every API on every backend."""
