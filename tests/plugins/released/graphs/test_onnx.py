"""ONNX files are computed as they say; what they do not say is asked for, and what they must not do is refused."""

from pathlib import Path

import numpy as np
import pytest
import torch

from harness.errors import BenchError, CheckpointError, UsageError
from harness.methods.method import create, resolve_options

onnx = pytest.importorskip("onnx", reason="the extra onnx is not installed")
pytest.importorskip("onnxruntime", reason="the extra onnx is not installed")
from onnx import TensorProto, helper, numpy_helper  # noqa: E402 - after the check

from plugins.released.graphs.onnx import Onnx  # noqa: E402

FLOAT = TensorProto.FLOAT


def graph(shape=("n", 3, 8, 8), out=("n", 3), *, kind=FLOAT, nodes=None, outputs=None, initializers=()):
    """Return a graph: by default the mean of each colour."""
    nodes = nodes or [
        helper.make_node("GlobalAveragePool", ["images"], ["pooled"]),
        helper.make_node("Flatten", ["pooled"], ["features"]),
    ]
    outputs = outputs or [helper.make_tensor_value_info("features", FLOAT, out)]
    inputs = [helper.make_tensor_value_info("images", kind, shape)]
    made = helper.make_graph(nodes, "g", inputs, outputs, initializer=list(initializers))
    return helper.make_model(made, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)


@pytest.fixture
def method(tmp_path):
    """Write a graph, or bytes, into a file, and return the method with some options."""

    def made(content, **changes):
        path = tmp_path / "n.onnx"
        path.write_bytes(content if isinstance(content, bytes) else content.SerializeToString())
        return create(Onnx, resolve_options("onnx", Onnx, changes={"weights": str(path), **changes}))

    return made


def pictures(count=5, size=(8, 8)):
    return torch.rand(count, 3, *size, generator=torch.Generator().manual_seed(0))


def test_input_output_and_size_are_found(method):
    found = method(graph())
    images = pictures()

    assert found.input_size == (8, 8)
    assert torch.allclose(found.embed(images), images.mean((2, 3)))
    assert found.embed(images).dtype == torch.float32


def test_a_fixed_batch_is_filled_up_and_cut_off(method):
    images = pictures(5)
    assert torch.allclose(
        method(graph(("n", 3, 8, 8))).embed(images), method(graph((2, 3, 8, 8), (2, 3))).embed(images)
    )


def test_channels_last_are_found_by_the_shape_and_asked_for_where_both_fit(method):
    nodes = [helper.make_node("ReduceMean", ["images"], ["features"], axes=[1, 2], keepdims=0)]
    images = pictures(4, (6, 10))

    found = method(graph(("n", 6, 10, 3), nodes=nodes))

    assert found.input_size == (6, 10)
    assert torch.allclose(found.embed(images), images.mean((2, 3)))
    wide = method(graph(("n", 3, 10, 3), nodes=nodes), layout="nhwc")
    assert wide.input_size == (3, 10)


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"range": "0..255"}, lambda images: images * 255),
        ({"mean": "0.5", "deviation": "0.25"}, lambda images: (images - 0.5) / 0.25),
        ({"mean": "imagenet"}, lambda images: images - torch.tensor((0.485, 0.456, 0.406)).view(1, 3, 1, 1)),
        ({"channels": "bgr"}, lambda images: images.flip(1)),
    ],
)
def test_pixels_are_prepared_as_the_options_say(method, options, expected):
    images = pictures()
    assert torch.allclose(method(graph(), **options).embed(images), expected(images).mean((2, 3)), atol=1e-4)


def test_an_input_of_uint8_gets_the_picture_s_own_numbers(method):
    nodes = [
        helper.make_node("Cast", ["images"], ["floats"], to=FLOAT),
        helper.make_node("GlobalAveragePool", ["floats"], ["pooled"]),
        helper.make_node("Flatten", ["pooled"], ["features"]),
    ]
    whole = torch.randint(0, 256, (4, 3, 8, 8), generator=torch.Generator().manual_seed(0)).float()

    found = method(graph(nodes=nodes, kind=TensorProto.UINT8)).embed(whole / 255)

    assert torch.allclose(found, whole.mean((2, 3)), atol=1e-3)


def test_any_size_is_asked_for(method):
    with pytest.raises(UsageError, match="does not say the size"):
        method(graph(("n", 3, "h", "w")))
    assert method(graph(("n", 3, "h", "w")), input_size="64x32").input_size == (64, 32)


def test_another_size_than_the_file_s_is_refused(method):
    with pytest.raises(CheckpointError, match="takes pictures of another size"):
        method(graph(("n", 3, 64, 64)), input_size="32")


@pytest.mark.parametrize("shape", [("n", 1, 8, 8), ("n", 192), ("n", 3, 8), (2, 4, 8, 8)])
def test_a_wrong_input_shape_is_one_message(method, shape):
    nodes = [helper.make_node("Identity", ["images"], ["features"])]
    out = [helper.make_tensor_value_info("features", FLOAT, None)]
    with pytest.raises(CheckpointError, match="does not take colour pictures"):
        method(graph(shape, nodes=nodes, outputs=out))


def test_an_output_of_three_dimensions_is_refused(method):
    nodes = [helper.make_node("ReduceMean", ["images"], ["features"], axes=[3], keepdims=0)]
    with pytest.raises(CheckpointError, match="no output of features") as caught:
        method(graph(out=("n", 3, 8), nodes=nodes))
    assert "features: float (?, 3, 8)" in str(caught.value)


def test_several_outputs_are_named_and_one_is_chosen(method):
    nodes = [
        helper.make_node("GlobalAveragePool", ["images"], ["a4"]),
        helper.make_node("GlobalMaxPool", ["images"], ["b4"]),
        helper.make_node("Flatten", ["a4"], ["mean"]),
        helper.make_node("Flatten", ["b4"], ["most"]),
    ]
    several = graph(
        nodes=nodes, outputs=[helper.make_tensor_value_info(name, FLOAT, ("n", 3)) for name in ("mean", "most")]
    )
    images = pictures()

    with pytest.raises(UsageError, match="several outputs") as caught:
        method(several)
    assert "mean: float (?, 3); most: float (?, 3)" in str(caught.value)
    assert torch.equal(method(several, output="most").embed(images), images.amax((2, 3)))
    with pytest.raises(BenchError, match="did you mean 'most'"):
        method(several, output="mst")


def test_an_output_that_is_chosen_or_of_unknown_shape_is_checked_when_it_is_computed(method):
    pooled = [helper.make_node("GlobalAveragePool", ["images"], ["features"])]
    maps = [helper.make_node("Identity", ["images"], ["features"])]
    unknown = [helper.make_tensor_value_info("features", FLOAT, None)]
    images = pictures()

    assert torch.allclose(method(graph(nodes=pooled, outputs=unknown)).embed(images), images.mean((2, 3)))
    with pytest.raises(CheckpointError, match="returns no features") as caught:
        method(graph(nodes=maps, outputs=unknown), output="features").embed(images)
    assert "float32 (5, 3, 8, 8)" in str(caught.value)


def test_an_output_of_whole_numbers_is_no_feature(method):
    nodes = [
        helper.make_node("GlobalAveragePool", ["images"], ["a4"]),
        helper.make_node("Flatten", ["a4"], ["mean"]),
        helper.make_node("Cast", ["mean"], ["whole"], to=TensorProto.INT64),
    ]
    kinds = (("mean", FLOAT), ("whole", TensorProto.INT64))
    outputs = [helper.make_tensor_value_info(name, kind, ("n", 3)) for name, kind in kinds]

    with pytest.raises(CheckpointError, match="holds no features") as caught:
        method(graph(nodes=nodes, outputs=outputs), output="whole")
    assert "whole: int64 (?, 3)" in str(caught.value)


def with_tensor_in(place, tmp_path, size=12):
    """Return a graph that adds a vector, which lies in another file."""
    vector = numpy_helper.from_array(np.array([1, 2, 3], np.float32), "vector")
    vector.ClearField("raw_data")
    vector.data_location = TensorProto.EXTERNAL
    for key, value in (("location", place), ("offset", "0"), ("length", str(size))):
        vector.external_data.add(key=key, value=value)
    nodes = [
        helper.make_node("GlobalAveragePool", ["images"], ["pooled"]),
        helper.make_node("Flatten", ["pooled"], ["means"]),
        helper.make_node("Add", ["means", "vector"], ["features"]),
    ]
    return graph(nodes=nodes, initializers=[vector])


def test_tensors_in_a_file_beside_the_graph_are_read_and_part_of_the_run(method, tmp_path):
    (tmp_path / "n.bin").write_bytes(np.array([1, 2, 3], np.float32).tobytes())
    images = pictures()

    found = method(with_tensor_in("n.bin", tmp_path))

    assert torch.allclose(found.embed(images), images.mean((2, 3)) + torch.tensor([1.0, 2.0, 3.0]))
    assert found.read_files == {"n.bin": tmp_path / "n.bin"}


@pytest.mark.parametrize("place", ["../n.bin", "/etc/hostname", "a/../../n.bin", "..\\n.bin", "C:\\n.bin", ""])
def test_tensors_outside_the_folder_are_refused(method, tmp_path, place):
    (tmp_path.parent / "n.bin").write_bytes(b"\0" * 12)
    with pytest.raises(CheckpointError, match="tensors outside its folder"):
        method(with_tensor_in(place, tmp_path))


def test_tensors_behind_a_link_are_refused(method, tmp_path):
    (tmp_path / "n.bin").symlink_to("/etc/hostname")
    with pytest.raises(CheckpointError, match="tensors behind a link"):
        method(with_tensor_in("n.bin", tmp_path))


def test_tensors_that_are_missing_or_cut_off_are_named(method, tmp_path):
    with pytest.raises(CheckpointError, match="is missing"):
        method(with_tensor_in("n.bin", tmp_path))
    (tmp_path / "n.bin").write_bytes(b"\0" * 5)
    with pytest.raises(CheckpointError, match="too short"):
        method(with_tensor_in("n.bin", tmp_path))


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "empty"),
        (b"\x08\x09garbage", "damaged"),
        (b"<!doctype html><title>Quota exceeded</title>", "page of the web"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0", "Git LFS"),
    ],
)
def test_what_is_no_graph_is_one_message(method, content, said):
    with pytest.raises(CheckpointError, match=said):
        method(content)


def test_a_truncated_file_never_gives_features(method):
    whole = graph().SerializeToString()
    for end in range(1, len(whole) - 1, 7):
        with pytest.raises(CheckpointError):
            method(whole[:end])


def test_a_state_dict_is_sent_to_the_method_torch(method, tmp_path):
    torch.save({"a": torch.zeros(2)}, tmp_path / "s.pt")
    with pytest.raises(CheckpointError, match="tensors without their network") as caught:
        method((tmp_path / "s.pt").read_bytes())
    assert "--method torch" in str(caught.value)


def test_no_file_and_a_missing_file_are_told_apart():
    with pytest.raises(UsageError, match="no weights were given"):
        create(Onnx, Onnx.Options())
    with pytest.raises(CheckpointError, match="no such weights file"):
        create(Onnx, Onnx.Options(weights=str(Path("nowhere.onnx"))))


def test_without_the_package_the_extra_is_named(method, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "onnxruntime", None)
    with pytest.raises(UsageError, match=r"method .onnx. needs the package onnxruntime") as caught:
        method(graph())
    assert "vehicle-reid-bench[onnx]" in str(caught.value)


def test_the_method_pickles_to_another_process(method):
    import pickle

    found = method(graph())
    images = pictures()
    assert torch.equal(pickle.loads(pickle.dumps(found)).embed(images), found.embed(images))  # noqa: S301 - our own
