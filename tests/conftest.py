"""What holds for all tests: properties are never judged by the clock of a busy machine."""

from hypothesis import settings

settings.register_profile("arkway", deadline=None)
settings.load_profile("arkway")
