"""Responses that the gateway keeps itself: what earlier ones said, what runs on without a caller, what is stored."""
