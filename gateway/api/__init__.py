"""The edge: HTTP in, HTTP out. Nothing here decides anything about a request's content."""
