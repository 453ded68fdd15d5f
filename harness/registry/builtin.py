"""The built-in measures, registered as a third party's would be."""

from harness.registry.hookspecs import Register, hookimpl


@hookimpl
def bench_register_measures(register: Register) -> None:
    """Register the measures of the field; each is imported when it is first used."""
    for module in ("ap", "ap_trapezoid", "ap_truncated", "cmc", "hit", "minp"):
        register(module, f"harness.measures.{module}:FAMILY")
