"""Pure functions over bytes, dicts and values: no await, clock, configuration or log in here."""
