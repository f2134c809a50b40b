"""The simulated Volcengine Ark."""
