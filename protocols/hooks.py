"""The built-in protocols, registered as a third party would."""

from harness.registry.hookspecs import Register, hookimpl

_LAYOUTS = {
    "synthetic": "veri776:SyntheticLayout",
    "vehicleid": "vehicleid:VehicleIdLayout",
    "veri776": "veri776:Veri776Layout",
    "veriwild": "veriwild:VeriWildLayout",
    "vric": "vric:VricLayout",
    "vru": "vehicleid:VruLayout",
}


@hookimpl
def bench_register_layouts(register: Register) -> None:
    """Register the layouts that synthetic vehicles can be drawn in; each is imported on first use."""
    for name, target in _LAYOUTS.items():
        register(name, f"protocols.synthetic.layouts.{target}")


@hookimpl
def bench_register_protocols(register: Register) -> None:
    """Register the data sets of the field; each is imported on first use."""
    register("synthetic", "protocols.synthetic:Synthetic", about="vehicles that the harness draws itself")
    register(
        "vehicleid", "protocols.vehicleid:VehicleId", about="VehicleID: 222,000 images, 26,000 vehicles, no cameras"
    )
    register("veri776", "protocols.veri776:Veri776", about="VeRi-776: 50,000 images, 776 vehicles, 20 cameras")
    register("veriwild", "protocols.veriwild:VeriWild", about="VERI-Wild: 416,000 images, 40,671 vehicles, 174 cameras")
    register("vric", "protocols.vric:Vric", about="VRIC: 60,000 images of 5,622 vehicles, one fixed single shot")
    register("vru", "protocols.vru:Vru", about="VRU: 172,000 images of 15,085 vehicles from drones, no cameras")
