"""One API served by another. PURE: ids and the time come in from outside."""
