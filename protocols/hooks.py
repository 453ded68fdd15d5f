"""The built-in protocols, registered as a third party would."""

from harness.hookspecs import Register, hookimpl


@hookimpl
def bench_register_protocols(register: Register) -> None:
    """Register the data sets of the field; each is imported when it is asked for."""
    register("synthetic", "protocols.synthetic:Synthetic", about="vehicles that the harness draws itself")
    register("veri776", "protocols.veri776:Veri776", about="VeRi-776: 50,000 images, 776 vehicles, 20 cameras")
