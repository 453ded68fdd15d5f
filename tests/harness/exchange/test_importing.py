"""Features of every format become a feature file with the protocol's keys and the same numbers."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from harness.errors import DataError, FeatureError, UsageError
from harness.exchange.importing import ImportRequest, import_features
from harness.exchange.lists import list_of
from harness.exchange.reading import read_names
from harness.exchange.selecting import Names
from harness.features import FeatureFile, Provenance, write_features
from harness.features.changing import quantise
from tests.harness.exchange.made import (
    DATASET,
    FEATURES,
    FILES,
    GALLERY,
    KEYS,
    LABELS,
    ORDER,
    PARTS,
    QUERY,
    TASK,
    bring,
    brought,
    matlab,
    names,
    npy,
    npz,
    tensors,
    text,
)


@pytest.mark.parametrize("name", FILES)
def test_every_format_gives_the_same_features(tmp_path, name):
    if name.endswith("parquet"):
        pytest.importorskip("pyarrow", reason="Parquet needs pyarrow")
    make, words = FILES[name]

    report = bring(tmp_path / "out.h5", make(tmp_path / name), **words)

    assert np.array_equal(brought(tmp_path / "out.h5"), FEATURES)
    assert (report.images, report.width, report.storage, report.missing) == (len(KEYS), 5, "float32", 0)
    assert not [path for path in tmp_path.iterdir() if path.name not in {name, "out.h5"}]


def test_the_labels_of_a_matlab_file_are_compared_and_said_to_agree(tmp_path):
    report = bring(tmp_path / "out.h5", matlab(tmp_path / "f.mat", query_cam=QUERY.camera - 1), order=ORDER)

    (query, gallery) = report.notes
    assert "vehicles ('query_label') and cameras ('query_cam'; the list's numbers are 1 greater) of" in query
    assert "vehicles ('gallery_label') and cameras ('gallery_cam') of" in gallery


@pytest.mark.parametrize("place", [0, 1])
def test_of_two_arrays_of_labels_both_are_compared(tmp_path, place):
    names = ("query_label", "query_pid")
    labels = {name: QUERY.vehicle[::-1] if name == names[place] else QUERY.vehicle for name in names}

    with pytest.raises(FeatureError, match="the vehicles are not those of the list") as caught:
        bring(tmp_path / "out.h5", matlab(tmp_path / "f.mat", **labels), order=ORDER)
    assert f"in '{names[place]}'" in str(caught.value.found)

    report = bring(tmp_path / "out.h5", matlab(tmp_path / "f.mat", query_pid=QUERY.vehicle), order=ORDER)
    assert "vehicles ('query_label') and vehicles ('query_pid') and cameras" in report.notes[0]


def test_the_labels_of_rows_with_keys_are_compared_after_matching(tmp_path):
    order = np.random.default_rng(0).permutation(len(KEYS))
    vehicles = np.concatenate([QUERY.vehicle, GALLERY.vehicle])[order]
    keyed = {"features": FEATURES[order], "keys": np.array(KEYS)[order]}

    report = bring(tmp_path / "out.h5", npz(tmp_path / "f.npz", **keyed, pids=vehicles))
    assert report.notes == (f"vehicles ('pids') of {tmp_path / 'f.npz'}: features agree with the list, image by image",)

    wrong = {**keyed, "features": FEATURES, "pids": vehicles}
    shifted = npz(tmp_path / "f.npz", **{**wrong, "keys": np.roll(keyed["keys"], 1)})
    with pytest.raises(FeatureError, match="keys are of other rows") as caught:
        bring(tmp_path / "out.h5", shifted)
    assert "rename 'pids'" in str(caught.value)


def test_of_two_parts_with_keys_each_has_its_labels_compared(tmp_path):
    arrays = {"qf": FEATURES[:6], "gf": FEATURES[6:], "query_paths": QUERY.paths, "gallery_paths": GALLERY.paths}
    np.savez(tmp_path / "f.npz", **arrays, q_pids=QUERY.vehicle, g_pids=GALLERY.vehicle[::-1])

    with pytest.raises(FeatureError, match="not those of the list") as caught:
        bring(tmp_path / "out.h5", tmp_path / "f.npz")
    assert "gf, row" in str(caught.value)


@pytest.mark.parametrize("turned", [{"query_f": PARTS["query_f"].T}, {name: part.T for name, part in PARTS.items()}])
def test_images_in_columns_are_recognised_by_their_number(tmp_path, turned):
    arrays = {**PARTS, **LABELS, **turned}

    bring(tmp_path / "out.h5", npz(tmp_path / "f.npz", **arrays), order=ORDER)

    assert np.array_equal(brought(tmp_path / "out.h5"), FEATURES)


def test_queries_and_gallery_may_be_two_files(tmp_path):
    parts = [npy(tmp_path / f"{number}.npy", part) for number, part in enumerate(PARTS.values())]

    bring(tmp_path / "out.h5", *parts, order=ORDER)
    by_order = brought(tmp_path / "out.h5")
    lists = (names(tmp_path / "g.txt", list(GALLERY.paths)), names(tmp_path / "q.txt", list(QUERY.paths)))
    bring(tmp_path / "out.h5", *parts[::-1], lists=lists)

    assert np.array_equal(by_order, FEATURES)
    assert np.array_equal(brought(tmp_path / "out.h5"), FEATURES)


def test_a_list_of_names_has_a_line_for_each_name_and_no_other(tmp_path):
    odd = ["a\u2028b/1.jpg", "c\x85/2.jpg", "d\x0be/3.jpg", *KEYS[3:]]
    (tmp_path / "n.txt").write_bytes("\ufeff".encode() + "\r\n".join([*odd, "", ""]).encode())

    assert read_names(tmp_path / "n.txt") == tuple(odd)


def test_a_list_of_names_that_cannot_be_used_is_one_message(tmp_path):
    given = {"n.txt": b"a\n\nb\n", "latin.txt": "ä".encode("latin-1"), "empty.txt": b"\n \n"}
    said = {"n.txt": "n.txt:2", "latin.txt": "save it as UTF-8", "empty.txt": "is empty"}
    for name, content in given.items():
        (tmp_path / name).write_bytes(content)
        with pytest.raises(FeatureError) as caught:
            read_names(tmp_path / name)
        assert said[name] in str(caught.value)
    with pytest.raises(DataError, match="the list of names is missing"):
        read_names(tmp_path / "none.txt")


def test_a_dict_of_one_vector_an_image_is_keyed(tmp_path):
    torch.save(
        {f"/data/{key}": torch.tensor(row)[None] for key, row in zip(KEYS, FEATURES, strict=True)}, tmp_path / "f.pth"
    )

    report = bring(tmp_path / "out.h5", tmp_path / "f.pth")

    assert np.array_equal(brought(tmp_path / "out.h5"), FEATURES)
    assert report.matched == ("17 keys by absolute path",)


def test_rows_of_no_image_are_left_out_and_counted(tmp_path):
    more = npz(tmp_path / "f.npz", features=np.vstack([FEATURES[:1], FEATURES]), keys=np.array(["train/1.jpg", *KEYS]))

    report = bring(tmp_path / "out.h5", more)

    assert np.array_equal(brought(tmp_path / "out.h5"), FEATURES)
    assert report.extra == 1
    assert report.notes == ("1 rows are of no image and were left out: train/1.jpg",)


def test_missing_images_are_refused_unless_they_may_be_left_out(tmp_path):
    fewer = npz(tmp_path / "f.npz", features=FEATURES[1:], keys=np.array(KEYS[1:]))

    with pytest.raises(FeatureError, match="1 of 17 images have no feature") as caught:
        bring(tmp_path / "out.h5", fewer)
    report = bring(tmp_path / "out.h5", fewer, skip_missing=True)

    assert KEYS[0] in str(caught.value.found)
    assert report.missing == 1
    assert report.images == 16


@pytest.mark.parametrize(
    ("given", "stored", "changed"),
    [
        (FEATURES.astype(np.float64), "float32", False),
        (FEATURES.astype(np.float64) + 1e-12, "float32", True),
        (FEATURES.astype(np.float16), "float16", False),
        (FEATURES.astype(">f4"), "float32", False),
        (np.round(FEATURES * 40).astype(np.int8), "int8", False),
        (np.round(FEATURES * 40).astype(np.int64), "float32", False),
        (FEATURES > 0, "binary", False),
    ],
    ids=lambda value: str(getattr(value, "dtype", value)),
)
def test_numbers_keep_their_type_or_a_note_says_that_they_changed(tmp_path, given, stored, changed):
    report = bring(tmp_path / "out.h5", npy(tmp_path / "f.npy", given), order=ORDER)

    assert report.storage == stored
    assert any("rounded to float32" in note for note in report.notes) is changed
    expected = given * 2.0 - 1 if stored == "binary" else given.astype(np.float32)
    assert np.array_equal(brought(tmp_path / "out.h5"), expected)


def test_arrays_are_taken_by_the_names_that_the_user_says(tmp_path):
    file = npz(tmp_path / "f.npz", mine=FEATURES, who=np.array(KEYS), features=FEATURES * 2)

    bring(tmp_path / "out.h5", file, names=Names(("mine",), ("who",)))

    assert np.array_equal(brought(tmp_path / "out.h5"), FEATURES)


@pytest.mark.parametrize("header", ["index", "pandas", "none"])
def test_the_columns_of_a_table_are_told_apart(tmp_path, header):
    file = text(tmp_path / "f.csv", header=header == "index")
    lines = file.read_text().splitlines()
    if header == "index":  # the number of the row before the key, as pandas writes it
        lines = ["," + lines[0], *(f"{number},{line}" for number, line in enumerate(lines[1:]))]
    if header == "pandas":
        lines = ["key,0,1,2,3,4", *lines]
    file.write_text("\n".join(lines))

    report = bring(tmp_path / "out.h5", file)

    assert report.extra == 0
    assert np.array_equal(brought(tmp_path / "out.h5"), FEATURES)


def test_an_image_in_two_parts_needs_equal_features(tmp_path):
    whole = npz(tmp_path / "f.npz")
    query = npz(tmp_path / "q.npz", features=FEATURES[:6], keys=np.array(KEYS[:6]))
    other = npz(tmp_path / "o.npz", features=FEATURES[:6] + 1, keys=np.array(KEYS[:6]))

    report = bring(tmp_path / "out.h5", whole, query)

    assert report.images == 17
    with pytest.raises(FeatureError, match="two different features"):
        bring(tmp_path / "out.h5", whole, other)


WORDS = {
    "no names": ({}, FeatureError, "--order query,gallery"),
    "a list too many": ({"lists": ("a.txt", "b.txt")}, UsageError, "one --keys FILE for each"),
    "one list twice": ({"order": ("query", "query")}, UsageError, "each list once"),
    "three lists": ({"order": ("query", "gallery", "train")}, UsageError, "unknown split 'train'"),
    "another split": ({"order": ("queri",)}, UsageError, "did you mean 'query'"),
    "queries only": ({"order": ("query",)}, FeatureError, "too many features"),
    "no such array": ({"names": Names(("feat",))}, FeatureError, "an array (17, 5) float32"),
    "no such list": ({"names": Names((), ("who",))}, FeatureError, "no such list 'who'"),
}


@pytest.mark.parametrize("case", WORDS)
def test_words_that_do_not_fit_are_refused_in_one_message(tmp_path, case):
    words, kind, message = WORDS[case]

    with pytest.raises(kind) as caught:
        bring(tmp_path / "out.h5", npy(tmp_path / "f.npy"), **words)

    assert message in str(caught.value)
    assert not list(tmp_path.glob("out*"))


def test_tasks_with_different_lists_must_be_named(tmp_path):
    tasks = [TASK, replace(TASK, name="small", query="few")]

    with pytest.raises(UsageError, match="different lists of 'query'") as caught:
        list_of("query", tasks, DATASET)
    assert "--protocol NAME/TASK" in str(caught.value)
    assert list_of("gallery", tasks, DATASET) is GALLERY
    with pytest.raises(DataError):
        list_of("query", tasks[1:], DATASET)


def test_bfloat16_is_widened_and_a_sparse_tensor_is_listed_as_unusable(tmp_path):
    half = torch.tensor(FEATURES).bfloat16()
    bring(tmp_path / "out.h5", tensors(tmp_path / "f.pt", features=half))
    assert np.array_equal(brought(tmp_path / "out.h5"), half.float().numpy())

    with pytest.raises(FeatureError, match="no array of features") as caught:
        bring(tmp_path / "out.h5", tensors(tmp_path / "f.pt", features=torch.tensor(FEATURES).to_sparse()))
    assert "sparse" in str(caught.value.found)


@pytest.mark.parametrize(("order", "parts"), [((), 2), (ORDER, 2), (ORDER, 1)])
def test_names_that_queries_and_gallery_share_are_matched_each_in_its_own_list(tmp_path, order, parts):
    keys = [np.array([f"{number}.jpg" for number in range(len(table))]) for table in (QUERY, GALLERY)]
    turned = {"qf": FEATURES[:6][::-1], "gf": FEATURES[6:], "query_paths": keys[0][::-1], "gallery_paths": keys[1]}
    if parts == 1:
        features, paths = (np.concatenate(list(turned.values())[first : first + 2]) for first in (0, 2))
        turned = {"features": features, "paths": paths}
    np.savez(tmp_path / "f.npz", **turned)
    tables = [replace(QUERY, paths=tuple(f"q/{key}" for key in keys[0]))]
    tables.append(replace(GALLERY, paths=tuple(f"g/{key}" for key in keys[1])))
    dataset = replace(DATASET, splits=dict(zip(ORDER, tables, strict=True)))
    about = Provenance(method="mine", dataset="small")

    report = import_features(
        ImportRequest((tmp_path / "f.npz",), order=order), [TASK], dataset, tmp_path / "o.h5", about
    )

    assert report.matched == ("6 keys by file name", "11 keys by file name")
    with FeatureFile.open(tmp_path / "o.h5") as file:
        assert np.array_equal(file.read([*tables[0].paths, *tables[1].paths]), FEATURES)


@pytest.mark.parametrize("word", ["float32", "int8", "binary"])
def test_a_feature_file_of_this_project_is_imported_as_it_is_ranked(tmp_path, word):
    path = write_features(tmp_path / "f.h5", [f"/x/{key}" for key in KEYS], FEATURES, dataset="small", method="mine")
    if word != "float32":
        with FeatureFile.open(path) as file:
            quantise(file, word, tmp_path / "small.h5")
        path = tmp_path / "small.h5"

    report = bring(tmp_path / "out.h5", path)

    assert report.storage == word
    with FeatureFile.open(path) as file:
        assert np.array_equal(brought(tmp_path / "out.h5"), file.read())


@pytest.mark.parametrize(
    ("number", "orientation"), [(len(KEYS) - 1, ""), (len(KEYS) + 1, ""), (5, "rows"), (len(KEYS), "columns")]
)
def test_a_list_of_another_length_than_the_features_is_named(tmp_path, number, orientation):
    given = names(tmp_path / "names.txt", [*KEYS, "one more.jpg"][:number])
    request = {"lists": (given,), "names": Names(orientation=orientation)}

    with pytest.raises(FeatureError, match="the list of names has another length than the features") as caught:
        bring(tmp_path / "out.h5", npy(tmp_path / "f.npy"), **request)

    assert (caught.value.where, caught.value.found) == (given, f"{number} names")
    assert "17 rows and 5 columns" in str(caught.value.expected)


@pytest.mark.parametrize("axes", [(1,), (1, 1)])
def test_axes_of_one_at_the_end_do_not_count(tmp_path, axes):
    bring(tmp_path / "out.h5", npy(tmp_path / "f.npy", FEATURES.reshape(*FEATURES.shape, *axes)), order=ORDER)

    assert np.array_equal(brought(tmp_path / "out.h5"), FEATURES)


def test_an_array_that_has_no_name_is_not_to_be_named(tmp_path):
    with pytest.raises(FeatureError, match="the file has no array of features") as caught:
        bring(tmp_path / "out.h5", npy(tmp_path / "f.npy", FEATURES.reshape(len(FEATURES), -1, 5)[..., None] * [1, 2]))

    assert "reshape" in str(caught.value.next_step)
    assert "--features-name" not in str(caught.value.next_step)
