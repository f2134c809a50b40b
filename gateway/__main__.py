"""``python -m gateway`` is the ``arkway`` command."""

from gateway.cli import main

main()
