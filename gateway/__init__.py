"""Arkway: an OpenAI-compatible gateway for Volcengine Ark and Huawei ModelArts."""

__version__ = "0.1.0"
