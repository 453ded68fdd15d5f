"""The built-in methods, registered as a third party would."""

from harness.hookspecs import Register, hookimpl


@hookimpl
def bench_register_methods(register: Register) -> None:
    """Register the methods of the field and the controls; each is imported when it is asked for."""
    register(
        "strong-baseline",
        "plugins.strong_baseline:StrongBaseline",
        about="ResNet with BNNeck, cross-entropy and batch-hard triplets (Luo et al., 2019)",
    )
    register(
        "ram",
        "plugins.ram:RAM",
        about="VGG-M with global, regional and attribute branches, trained in four steps (Liu et al., 2018)",
    )
    register(
        "rnn-ha",
        "plugins.rnn_ha:RNNHA",
        about="a GRU names the model, then, with attention, the vehicle (Wei et al., 2018)",
    )
    register(
        "pgan",
        "plugins.pgan:PGAN",
        about="ResNet with attention over detected parts, global and part features fused (Zhang et al., 2019)",
    )
    register(
        "pr-reid",
        "plugins.pr_reid:PRReID",
        about="ResNet regularised by window, light and brand branches while training (He et al., 2019)",
    )
    register("random", "plugins.controls:Random", about="control: random features, by the image's key alone")
    register("oracle", "plugins.controls:Oracle", about="control: reads the test labels, scores 1.0 everywhere")
    register("colour-histogram", "plugins.controls:ColourHistogram", about="control: how often each colour occurs")
