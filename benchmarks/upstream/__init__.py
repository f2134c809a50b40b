"""The scripted upstream: a ModelArts and an Ark that answer at once or at a given pace, and count what they saw.

The last user message says what to answer, because every gateway hands that on unchanged: `stream tokens=100
rate=50` asks for a paced stream, `digest` for the SHA-256 of the picture, anything else for a plain answer.
"""
