"""A local Volcengine Ark and Huawei ModelArts, as strict as the real ones, for development without keys and for tests."""

from gateway.simulator.app import create_simulator

__all__ = ["create_simulator"]
