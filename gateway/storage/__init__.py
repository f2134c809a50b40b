"""What must outlast a request: the database and the files on disk."""
