"""A folder stands for the one feature file in it; other programs' files are named with what to do."""

import numpy as np
import pytest

from harness.errors import FeatureError
from harness.features import FeatureFile, write_features
from harness.features.finding import find_features


def written(path, dataset="veri776"):
    return write_features(path, ["a.jpg"], [[1.0]], dataset=dataset, method="m")


def test_a_runs_folder_stands_for_its_features(tmp_path):
    path = written(tmp_path / "veri776-1234" / "features.h5")

    assert find_features(tmp_path, "veri776") == path
    assert find_features(path.parent, "veri776") == path
    assert find_features(path, "veri776") == path


def test_of_several_files_those_of_the_data_set_are_taken(tmp_path):
    path = written(tmp_path / "veri776-1234" / "features.h5")
    written(tmp_path / "vric-1234" / "features.h5", dataset="vric")

    assert find_features(tmp_path, "veri776") == path
    with pytest.raises(FeatureError, match="2 feature files for 'vru'"):
        find_features(tmp_path, "vru")


def test_a_folder_without_features_gets_one_message(tmp_path):
    (tmp_path / "notes.txt").touch()

    with pytest.raises(FeatureError, match="the folder has no feature file") as caught:
        find_features(tmp_path, "veri776")
    assert "notes.txt" in str(caught.value)


CONTENT = {
    "f.npy": (b"\x93NUMPY\x01\x00", "NumPy"),
    "f.npz": (b"PK\x03\x04", "NumPy"),
    "f.pth": (b"PK\x03\x04", "torch.save"),
    "old.pt": (b"\x80\x02\x8a", "torch.save"),
    "f.mat": (b"MATLAB 5.0 MAT-file", "MATLAB"),
    "f.csv": (b"key,f0\n", "table of text"),
    "f.parquet": (b"PAR1", "Parquet"),
    "broken.mat": (b"\0\0\0", "a file named .mat"),
    "named.h5": (b"\x93NUMPY\x01\x00", "NumPy"),
}


@pytest.mark.parametrize("name", CONTENT)
def test_a_file_of_another_program_names_the_command_that_imports_it(tmp_path, name):
    content, found = CONTENT[name]
    (tmp_path / name).write_bytes(content)

    with pytest.raises(FeatureError, match="this is not a feature file") as caught:
        FeatureFile.open(tmp_path / name)

    assert found in str(caught.value.found)
    assert f"bench features import {tmp_path / name}" in str(caught.value.next_step)
    assert ("--keys names.txt" in str(caught.value.next_step)) == name.endswith(".npy")


def test_keys_in_another_form_are_shown_beside_those_that_are_wanted(tmp_path):
    keys = [f"/data/VeRi/image_query/{number}.jpg" for number in range(3)]
    write_features(tmp_path / "f.h5", keys, np.eye(3), dataset="veri776", method="m")

    with FeatureFile.open(tmp_path / "f.h5") as file, pytest.raises(FeatureError) as caught:
        file.require([f"image_query/{number}.jpg" for number in range(3)])

    assert caught.value.what == "3 of 3 images have no feature"
    assert caught.value.found == (
        "no feature for image_query/0.jpg, image_query/1.jpg and 1 more; the file has "
        "/data/VeRi/image_query/0.jpg, /data/VeRi/image_query/1.jpg and 1 more"
    )
    assert "bench features import f.h5" in str(caught.value.next_step)
