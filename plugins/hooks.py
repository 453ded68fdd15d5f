"""The built-in methods, detectors, steps, observers, engines and corruptions, registered as a third party's are."""

from harness.registry.hookspecs import Register, hookimpl


@hookimpl
def bench_register_methods(register: Register) -> None:
    """Register the published methods and the controls; each is imported on first use."""
    register(
        "strong-baseline",
        "plugins.strong_baseline:StrongBaseline",
        about="ResNet with BNNeck, cross-entropy and batch-hard triplets (Luo et al., 2019)",
    )
    register(
        "ram",
        "plugins.ram.method:RAM",
        about="VGG-M with global, regional and attribute branches, trained in four steps (Liu et al., 2018)",
    )
    register(
        "rnn-ha",
        "plugins.rnn_ha.method:RNNHA",
        about="a GRU names the model, then, with attention, the vehicle (Wei et al., 2018)",
    )
    register(
        "pgan",
        "plugins.pgan.method:PGAN",
        about="ResNet with attention over detected parts, global and part features fused (Zhang et al., 2019)",
    )
    register(
        "pr-reid",
        "plugins.pr_reid.method:PRReID",
        about="ResNet regularised by window, light and brand branches while training (He et al., 2019)",
    )
    register(
        "torch",
        "plugins.released.built.method:Built",
        about="any network that Python can build, with a file of its weights",
    )
    register("onnx", "plugins.released.graphs.onnx:Onnx", about="any network in an ONNX file")
    register(
        "torchscript", "plugins.released.graphs.torchscript:TorchScript", about="any network in a file of TorchScript"
    )
    register(
        "timm", "plugins.released.hubs.timm:Timm", about="any network of timm, zero-shot, with its own data config"
    )
    register("open-clip", "plugins.released.hubs.open_clip:OpenClip", about="the image towers of open_clip, zero-shot")
    register(
        "transformers",
        "plugins.released.hubs.transformers:Transformers",
        about="DINOv2, SigLIP, CLIP, ViT and others of transformers, zero-shot",
    )
    register(
        "fast-reid",
        "plugins.released.fast_reid:FastReID",
        about="released weights of fast-reid: ResNets with IBN, non-local blocks, GeM, BNNeck",
    )
    register(
        "torchreid",
        "plugins.released.torchreid:Torchreid",
        about="released weights of torchreid: OSNet with its AIN and IBN forms, ResNets",
    )
    register(
        "reid-strong-baseline",
        "plugins.released.strong_baseline:LuoBaseline",
        about="released weights of reid-strong-baseline: ResNets with BNNeck (Luo et al., 2019)",
    )
    register(
        "layumi",
        "plugins.released.layumi:Layumi",
        about="released weights of layumi's Person_reID_baseline_pytorch: ResNet-50 with a bottleneck, flipped",
    )
    register(
        "transreid",
        "plugins.released.vit.transreid:TransReID",
        about="released weights of TransReID, ViT and DeiT (He et al., 2021), and of DMT",
    )
    register(
        "clip-reid",
        "plugins.released.vit.clip_reid:ClipReID",
        about="released weights of CLIP-ReID, ViT and ResNet (Li et al., 2023)",
    )
    register("random", "plugins.controls:Random", about="control: random features, by the image's key alone")
    register("oracle", "plugins.controls:Oracle", about="control: reads the test labels, scores 1.0 everywhere")
    register("colour-histogram", "plugins.controls:ColourHistogram", about="control: how often each colour occurs")


@hookimpl
def bench_register_detectors(register: Register) -> None:
    """Register the detectors of parts."""
    register("ssd300", "plugins.detectors.ssd:SSD300", about="SSD on VGG-16 at 300 pixels, PGAN's (Liu et al., 2016)")
    register(
        "ssd-small", "plugins.detectors.ssd:SSDSmall", about="SSD on seven convolutions, for images of 64 to 128 pixels"
    )
    register(
        "localnet", "plugins.detectors.localnet:LocalNet", about="YOLO v1, PR-ReID's LocalNet (Redmon et al., 2016)"
    )
    register(
        "localnet-small",
        "plugins.detectors.localnet:LocalNetSmall",
        about="YOLO v1's output and loss on seven convolutions, for images of 64 to 128 pixels",
    )


@hookimpl
def bench_register_observers(register: Register) -> None:
    """Register the observers that ``--observe`` turns on."""
    register(
        "tensorboard",
        "plugins.observers.tensorboard:TensorBoard",
        about="an event file for TensorBoard in the run's folder",
    )
    register(
        "wandb",
        "plugins.observers.wandb:WeightsAndBiases",
        about="a run of Weights & Biases, offline unless WANDB_MODE=online",
    )
    register(
        "mlflow",
        "plugins.observers.mlflow:MLflow",
        about="an MLflow run, in a local folder unless MLFLOW_TRACKING_URI names a server",
    )


@hookimpl
def bench_register_steps(register: Register) -> None:
    """Register the steps of post-processing that ``--post`` names."""
    register("flip", "plugins.steps.flip:Flip", about="the flip test: picture and mirror image are averaged")
    register("camera-mean", "plugins.steps.labels:CameraMean", about="normalisation per camera: its mean is subtracted")
    register(
        "track-mean", "plugins.steps.labels:TrackMean", about="each gallery image answers with the mean of its track"
    )
    register(
        "dba", "plugins.steps.augmentation:DatabaseAugmentation", about="database augmentation (Arandjelovic, 2012)"
    )
    register("qe", "plugins.steps.expansion:AverageExpansion", about="average query expansion (Chum et al., 2007)")
    register(
        "alpha-qe", "plugins.steps.expansion:AlphaExpansion", about="alpha query expansion (Radenovic et al., 2018)"
    )
    register("rerank", "plugins.steps.rerank:KReciprocal", about="k-reciprocal re-ranking (Zhong et al., 2017)")


@hookimpl
def bench_register_engines(register: Register) -> None:
    """Register the engines that ``bench sweep`` hands its runs to."""
    register("local", "plugins.engines.local:Local", about="processes of this machine")
    register("slurm", "plugins.engines.slurm:Slurm", about="a SLURM cluster, through submitit")
    register("dask", "plugins.engines.dask:Dask", about="a Dask cluster, through dask.distributed")


@hookimpl
def bench_register_corruptions(register: Register) -> None:
    """Register the corruptions of ``bench corrupt``."""
    register("rain", "plugins.corruptions.weather:Rain", about="bright slanting streaks before a paler picture")
    register("snow", "plugins.corruptions.weather:Snow", about="soft white flakes before a whiter, greyer picture")
    register("fog", "plugins.corruptions.weather:Fog", about="a bright veil in clouds, denser towards the top")
    register("night", "plugins.corruptions.night:Night", about="dark, bluish, noisy, and two glaring headlights")
    register("motion-blur", "plugins.corruptions.blur:MotionBlur", about="a vehicle that moves during the exposure")
    register("defocus-blur", "plugins.corruptions.blur:DefocusBlur", about="a lens out of focus")
    register("sensor-noise", "plugins.corruptions.noise:SensorNoise", about="what a short exposure adds to each pixel")
    register("jpeg", "plugins.corruptions.jpeg:Jpeg", about="a picture stored at a low quality")
    register("occlusion", "plugins.corruptions.hidden:Occlusion", about="a grey block before a part of the vehicle")
    register("low-resolution", "plugins.corruptions.hidden:LowResolution", about="a vehicle far away, enlarged")
    register(
        "plates-hidden",
        "plugins.corruptions.hidden:PlatesHidden",
        about="covered plates: by the boxes of parts, or else the lower middle of the picture",
    )
