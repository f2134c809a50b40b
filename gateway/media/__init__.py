"""Pictures: where they come from, what they are, and the form in which a backend takes them."""
