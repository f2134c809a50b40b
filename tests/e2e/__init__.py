"""The gateway end to end: real clients, real sockets, the simulated vendors behind it."""
