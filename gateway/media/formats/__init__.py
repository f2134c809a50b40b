"""What media really are, read from their first bytes without decoding."""
