import pytest

from harness.basics.foreign import foreign_start, foreign_text


@pytest.mark.parametrize(
    ("head", "what"),
    [
        (b"<!DOCTYPE html><html><title>Quota\nexceeded</title>", "a page of the web: Quota exceeded"),
        (b"version https://git-lfs.github.com/spec/v1\noid", "a pointer of Git LFS"),
        (b"404: Not Found", "an answer that says 404, not found"),
        (b"\x1f\x8b\x08", "an archive of gzip"),
        (b'{"message": "no"}', "a JSON document"),
        (b"Access denied", 'a text that begins with "Access denied"'),
    ],
)
def test_what_was_saved_in_place_of_a_file_is_named_with_what_to_do(head, what):
    found = foreign_start(head) or foreign_text(head)

    assert found is not None
    assert found.what == what
    assert found.next_step


@pytest.mark.parametrize("head", [b"\x00\x01\x02", b"", b"\x1b[31m"])
def test_what_is_no_usual_mistake_is_not_guessed(head):
    assert (foreign_start(head), foreign_text(head)) == (None, None)
