import pytest

from harness.errors import DataError
from harness.tasks.counts import counts
from protocols.veriwild2 import VeriWild2
from tests.protocols.trees import write_named, write_veriwild2


def test_each_list_is_a_task_and_the_querys_vehicle_and_camera_are_ignored(tmp_path):
    dataset = VeriWild2().load(write_veriwild2(tmp_path, A_gallery=["00001/000002.jpg 1 5", "00002/1.jpg 2 5"]))

    assert [task.name for task in VeriWild2.tasks] == ["all", "a", "b"]
    assert dataset.splits["all-query"].paths == ("00001/000001.jpg",)
    assert [counts(task, dataset)["positives"] for task in VeriWild2.tasks] == [1, 0, 1]
    assert counts(VeriWild2.tasks[0], dataset)["ignored"] == 1


@pytest.mark.parametrize(
    ("query", "gallery"),
    [("images/", "images/"), ("query/query/query_final/", "gallery/gallery/gallery_final/"), ("query/", "gallery/")],
)
def test_images_are_found_where_copies_unpack_them(tmp_path, query, gallery):
    write_veriwild2(tmp_path)
    write_named(tmp_path, f"{query}00001/000001.jpg", f"{gallery}00001/000002.jpg")
    dataset = VeriWild2().load(tmp_path)

    assert dataset.splits["b-query"].paths == (f"{query}00001/000001.jpg",)
    assert dataset.splits["b-gallery"].paths[1] == f"{gallery}00001/000003.jpg"


def test_a_missing_list_takes_only_its_own_task(tmp_path):
    write_veriwild2(tmp_path)
    (tmp_path / "test_split" / "A_gallery.txt").unlink()
    dataset = VeriWild2().load(tmp_path)

    assert list(dataset.unavailable) == ["a"]
    assert "no test_split/A_gallery.txt" in str(dataset.unavailable["a"])


def test_lines_that_leave_the_folder_or_lack_a_camera_and_shared_images_are_refused(tmp_path):
    with pytest.raises(DataError, match="is not a path inside the data set's folder"):
        VeriWild2().load(write_veriwild2(tmp_path / "a", A_query=["../x.jpg 1 5"]))
    with pytest.raises(DataError, match=r"is not like '00001/000001\.jpg 1 12'"):
        VeriWild2().load(write_veriwild2(tmp_path / "b", B_query=["00001/000001.jpg 1"]))
    with pytest.raises(DataError, match="1 images are in 'all-query' and in 'all-gallery'"):
        VeriWild2().load(write_veriwild2(tmp_path / "c", All_query=["00001/000002.jpg 1 5"]))
