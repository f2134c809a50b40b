"""All scenarios."""

from . import calling, conversing

SCENARIOS = (
    *conversing.TEXTS,
    *conversing.CONVERSATIONS,
    *conversing.PICTURES,
    *calling.CALLS,
    *calling.PICTURES_OF_FUNCTIONS,
    *calling.STRUCTURED,
    *calling.REASONING,
    *calling.ENDS,
    *calling.SETTINGS,
)
