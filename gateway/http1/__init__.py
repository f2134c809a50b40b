"""The hot half of the way to a backend: HTTP/1.1 over connections that are kept, parsed by httptools."""
