"""The built-in protocols, registered as a third party would."""

from harness.registry.hookspecs import Register, hookimpl

_LAYOUTS = {
    "carla-reid": "named:CarlaReidLayout",
    "cityflow": "cityflow:CityFlowLayout",
    "khoa": "khoa:KhoaLayout",
    "roundabouthd": "named:RoundaboutHdLayout",
    "synthetic": "veri776:SyntheticLayout",
    "vehicleid": "vehicleid:VehicleIdLayout",
    "veri776": "veri776:Veri776Layout",
    "veriwild": "veriwild:VeriWildLayout",
    "veriwild2": "veriwild:VeriWild2Layout",
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
    register(
        "carla-reid", "protocols.carla_reid:CarlaReid", about="CARLA-ReID: 55,196 rendered images under 85 cameras"
    )
    register(
        "cityflow",
        "protocols.cityflow:CityFlow",
        about="CityFlowV2-ReID (AI City track 2): 52,717 labelled images, a withheld test",
    )
    register("khoa", "protocols.khoa:Khoa", about="Khoa pairs: 567 vehicles, one image from each of two cameras")
    register("roundabouthd", "protocols.roundabouthd:RoundaboutHd", about="RoundaboutHD: 65,522 images under 4 cameras")
    register("synthetic", "protocols.synthetic:Synthetic", about="vehicles that the harness draws itself")
    register(
        "vehicleid", "protocols.vehicleid:VehicleId", about="VehicleID: 222,000 images, 26,000 vehicles, no cameras"
    )
    register("veri776", "protocols.veri776:Veri776", about="VeRi-776: 50,000 images, 776 vehicles, 20 cameras")
    register("veriwild", "protocols.veriwild:VeriWild", about="VERI-Wild: 416,000 images, 40,671 vehicles, 174 cameras")
    register(
        "veriwild2", "protocols.veriwild2:VeriWild2", about="VERI-Wild 2.0: test lists A, B and All, without training"
    )
    register("vric", "protocols.vric:Vric", about="VRIC: 60,000 images of 5,622 vehicles, one fixed single shot")
    register("vru", "protocols.vru:Vru", about="VRU: 172,000 images of 15,085 vehicles from drones, no cameras")
