"""Decoders of hostile bytes. They run in a child process and nowhere else."""
