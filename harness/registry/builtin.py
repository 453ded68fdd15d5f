"""The built-in measures, registered as a third party's would be."""

from harness.measures import FAMILIES
from harness.registry.hookspecs import Register, hookimpl


@hookimpl
def bench_register_measures(register: Register) -> None:
    """Register the measures of the field."""
    for word, family in FAMILIES.items():
        register(word, family)
