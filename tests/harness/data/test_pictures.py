"""Pictures decode to the same pixels however they are asked for, and what cannot be read is named."""

from __future__ import annotations

import logging
import warnings
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from PIL import Image

from harness.data import pictures as module
from harness.data.pictures import DEEP, Pictures, decode, log_broken, oddity, refuse_broken
from harness.data.resizing import Resizing
from harness.errors import DataError
from tests.tiny import write_jpeg


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for number in range(4):
        write_jpeg(tmp_path / "images" / f"{number}.jpg", (200, 50, 50 * number), seed=number)
    return tmp_path


def keys(count: int = 4) -> list[str]:
    return [f"images/{number}.jpg" for number in range(count)]


def test_an_image_decodes_to_rgb_channels_of_the_size_asked_for(folder: Path):
    pixels = decode(folder / "images/0.jpg", (12, 20))
    assert pixels.shape == (3, 12, 20)
    assert pixels.dtype == np.uint8
    assert pixels[0].mean() > 180
    assert pixels[1].mean() < 80
    assert pixels.flags.c_contiguous


def test_at_its_own_size_an_image_keeps_its_pixels(tmp_path: Path):
    write_jpeg(tmp_path / "a.jpg", (10, 100, 200), seed=1, side=16)
    with Image.open(tmp_path / "a.jpg") as image:
        expected = np.asarray(image).transpose(2, 0, 1)
    assert np.array_equal(decode(tmp_path / "a.jpg", (16, 16)), expected)


def test_an_exif_orientation_does_not_turn_the_image(tmp_path: Path):
    write_jpeg(tmp_path / "plain.jpg", (10, 100, 200), seed=1, side=16)
    with Image.open(tmp_path / "plain.jpg") as image:
        exif = image.getexif()
        exif[0x0112] = 6
        content = (tmp_path / "plain.jpg").read_bytes()
        block = exif.tobytes()
    header = b"\xff\xe1" + (len(block) + 2).to_bytes(2) + block
    (tmp_path / "turned.jpg").write_bytes(content[:2] + header + content[2:])
    with Image.open(tmp_path / "turned.jpg") as image:
        assert image.getexif()[0x0112] == 6
    assert np.array_equal(decode(tmp_path / "turned.jpg", (16, 16)), decode(tmp_path / "plain.jpg", (16, 16)))


@pytest.mark.parametrize("mode", ["L", "CMYK"])
def test_other_colour_modes_become_rgb(tmp_path: Path, mode: str):
    Image.new(mode, (8, 8), 120 if mode == "L" else (0, 255, 255, 0)).save(tmp_path / "a.jpg")
    red, green, blue = decode(tmp_path / "a.jpg", (8, 8)).reshape(3, -1).mean(axis=1)
    assert (red == green == blue) if mode == "L" else (red > 200 and green < 60 and blue < 60)


def test_a_truncated_image_is_named(folder: Path):
    path = folder / "images/0.jpg"
    path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(DataError, match="cannot be read") as caught:
        decode(path, (8, 8))
    assert caught.value.where == path


@pytest.mark.parametrize("content", [b"", b"\xff\xd8", b"not a picture at all", b"GIF89a" + bytes(20)])
def test_a_file_that_is_no_jpeg_is_refused(tmp_path: Path, content: bytes):
    (tmp_path / "a.jpg").write_bytes(content)
    with pytest.raises(DataError) as caught:
        decode(tmp_path / "a.jpg", (8, 8))
    assert caught.value.where == tmp_path / "a.jpg"


def test_a_png_under_the_name_of_a_jpeg_is_refused_unless_the_data_set_has_pngs(tmp_path: Path):
    Image.new("RGB", (8, 8), (9, 9, 9)).save(tmp_path / "a.jpg", format="PNG")
    with pytest.raises(DataError, match="not of an expected format"):
        decode(tmp_path / "a.jpg", (8, 8))
    assert decode(tmp_path / "a.jpg", (8, 8), ("JPEG", "PNG")).max() == 9


def test_an_image_of_too_many_pixels_is_refused_before_it_is_decoded(folder: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(module, "MAX_PIXELS", 24 * 24 - 1)
    with pytest.raises(DataError, match="too large") as caught:
        decode(folder / "images/0.jpg", (8, 8))
    assert caught.value.found == "24 x 24 pixels"


@pytest.mark.parametrize("allowed", [200, 400])
def test_a_decompression_bomb_is_refused_as_pillow_warns_or_fails(
    folder: Path, monkeypatch: pytest.MonkeyPatch, allowed: int
):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", allowed)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(DataError, match="too large"):
            decode(folder / "images/0.jpg", (8, 8))


@settings(max_examples=40, deadline=None)
@given(place=st.integers(0, 700), value=st.integers(0, 255))
def test_no_flipped_byte_lets_anything_but_a_data_error_through(tmp_path_factory, place: int, value: int):
    path = tmp_path_factory.mktemp("flipped") / "a.jpg"
    write_jpeg(path, (90, 120, 30), seed=3)
    content = bytearray(path.read_bytes())
    content[place % len(content)] = value
    path.write_bytes(content)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            pixels = decode(path, (8, 8))
        except DataError:
            return
    assert pixels.shape == (3, 8, 8)


@pytest.mark.parametrize("name", ["a.png", "a.pgm", "a.tif"])
def test_of_sixteen_bits_the_upper_eight_are_read(tmp_path: Path, name: str):
    shades = np.array([[0, 255, 256, 20_000], [30_000, 32_768, 65_280, 65_535]], np.uint16)
    Image.fromarray(shades).save(tmp_path / name)

    pixels = decode(tmp_path / name, (2, 4), ("PNG", "PPM", "TIFF"), Resizing("nearest"))

    assert (pixels == shades >> 8).all()
    assert oddity(tmp_path / name, ("PNG", "PPM", "TIFF")) == DEEP


def test_values_without_a_scale_are_refused(tmp_path: Path):
    Image.fromarray(np.array([[0.25, 0.5]], np.float32)).save(tmp_path / "a.tif")
    with pytest.raises(DataError, match=r"no scale(.|\n)*from 0.25 to 0.5(.|\n)*PNG of 8 or 16 bits"):
        decode(tmp_path / "a.tif", (2, 2), ("TIFF",))


def write_noise(path: Path, size: tuple[int, int], *, form: str = "JPEG", progressive: bool = False) -> None:
    """Write a picture of noise of this width and height."""
    noise = np.random.default_rng(0).integers(0, 255, (*size[::-1], 3), dtype=np.uint8)
    Image.fromarray(noise).save(path, form, progressive=progressive)


def with_height(content: bytes, height: int) -> bytes:
    """Return a JPEG whose header states another height."""
    frame = max(content.find(b"\xff\xc0"), content.find(b"\xff\xc2"))
    return content[: frame + 5] + height.to_bytes(2) + content[frame + 7 :]


@pytest.mark.parametrize("progressive", [False, True])
@pytest.mark.parametrize("mode", ["RGB", "L"])
@pytest.mark.parametrize("height", [70, 96, 4800])
def test_a_jpeg_that_states_more_rows_than_it_has_is_refused(tmp_path: Path, progressive: bool, mode: str, height: int):
    noise = Image.fromarray(np.random.default_rng(0).integers(0, 255, (48, 64, 3), dtype=np.uint8)).convert(mode)
    noise.save(tmp_path / "a.jpg", progressive=progressive)
    decode(tmp_path / "a.jpg", (48, 64))
    (tmp_path / "a.jpg").write_bytes(with_height((tmp_path / "a.jpg").read_bytes(), height))

    with pytest.raises(DataError, match="ends before its last row"):
        decode(tmp_path / "a.jpg", (48, 64))


@pytest.mark.parametrize("progressive", [False, True])
def test_a_jpeg_that_ends_in_the_decoders_grey_is_read(tmp_path: Path, progressive: bool):
    image = Image.new("RGB", (64, 48), (128, 128, 128))
    image.paste((200, 10, 10), (0, 0, 64, 20))
    image.save(tmp_path / "a.jpg", progressive=progressive)

    assert (decode(tmp_path / "a.jpg", (48, 64))[:, -1, -1] == 128).all()


@pytest.mark.parametrize(
    ("size", "eighths"),
    [
        ((64, 64), 8),
        ((63, 33), 8),
        ((32, 32), 4),
        ((32, 48), 8),
        ((17, 40), 8),
        ((16, 16), 2),
        ((8, 8), 1),
        ((1, 1), 1),
    ],
)
@pytest.mark.parametrize("progressive", [False, True])
def test_a_reduced_jpeg_is_decoded_no_smaller_than_it_will_be(tmp_path: Path, monkeypatch, size, eighths, progressive):
    write_noise(tmp_path / "a.jpg", (64, 64), progressive=progressive)
    seen = []
    resize = Resizing.__call__
    monkeypatch.setattr(Resizing, "__call__", lambda own, image, to: seen.append(image.size) or resize(own, image, to))

    pixels = decode(tmp_path / "a.jpg", size, reduced=True)

    assert pixels.shape == (3, *size)
    assert seen == [(8 * eighths, 8 * eighths)]
    assert np.array_equal(pixels, decode(tmp_path / "a.jpg", size)) == (eighths == 8)


def test_a_reduced_jpeg_that_is_cropped_afterwards_is_large_enough_before_the_crop(tmp_path: Path):
    write_noise(tmp_path / "a.jpg", (64, 128))
    middle = Resizing(keep_ratio=True, share=0.5)

    # 32 of 64 pixels are kept, at the size that they have: nothing may be shrunk.
    assert np.array_equal(
        decode(tmp_path / "a.jpg", (32, 32), resizing=middle, reduced=True),
        decode(tmp_path / "a.jpg", (32, 32), resizing=middle),
    )


@pytest.mark.parametrize("form", ["PNG", "WEBP"])
def test_other_formats_are_not_reduced(tmp_path: Path, form: str):
    write_noise(tmp_path / "a", (64, 64), form=form)

    assert np.array_equal(
        decode(tmp_path / "a", (8, 8), (form,), reduced=True), decode(tmp_path / "a", (8, 8), (form,))
    )


@pytest.mark.parametrize("progressive", [False, True])
@pytest.mark.parametrize("height", [70, 96, 4800])
def test_a_reduced_jpeg_is_refused_for_the_same_reasons(tmp_path: Path, progressive: bool, height: int):
    write_noise(tmp_path / "a.jpg", (64, 48), progressive=progressive)
    whole = (tmp_path / "a.jpg").read_bytes()
    for content, words in (
        (with_height(whole, height), "ends before its last row"),
        (whole[: len(whole) // 2], "cannot be read"),
        (whole[:-2] + b"\xff\xda" * 200 + whole[-2:], "too many scans"),
    ):
        (tmp_path / "a.jpg").write_bytes(content)
        with pytest.raises(DataError, match=words):
            decode(tmp_path / "a.jpg", (6, 8), reduced=True)


def test_a_reduced_jpeg_that_ends_in_the_decoders_grey_is_read(tmp_path: Path):
    image = Image.new("RGB", (64, 48), (128, 128, 128))
    image.paste((200, 10, 10), (0, 0, 64, 20))
    image.save(tmp_path / "a.jpg")

    assert (decode(tmp_path / "a.jpg", (6, 8), reduced=True)[:, -1, -1] == 128).all()


def test_reduced_pictures_are_decoded_anew(tmp_path: Path):
    write_noise(tmp_path / "a.jpg", (64, 64))
    pictures = Pictures(tmp_path, ["a.jpg"], (8, 8))
    assert pictures.check() == {}

    reduced = pictures.reduced()

    assert (pictures.cached, reduced.cached) == (True, False)
    assert np.array_equal(reduced[0], decode(tmp_path / "a.jpg", (8, 8), reduced=True))
    assert np.array_equal(reduced.take(np.array([0]))[0], reduced[0])


def test_checked_pictures_lie_in_memory_and_are_the_same(folder: Path):
    pictures = Pictures(folder, keys(), (8, 8))
    before = [pictures[row] for row in range(4)]
    assert not pictures.cached
    assert pictures.check() == {}
    assert pictures.cached
    for path in (folder / "images").iterdir():
        path.unlink()
    assert all(np.array_equal(pictures[row], before[row]) for row in range(4))


def test_pictures_that_do_not_fit_are_read_anew(folder: Path):
    pictures = Pictures(folder, keys(), (8, 8), cache_bytes=4 * 3 * 8 * 8 - 1)
    assert pictures.check() == {}
    assert not pictures.cached
    assert pictures[3].shape == (3, 8, 8)


def test_taken_pictures_keep_what_is_decoded(folder: Path):
    pictures = Pictures(folder, keys(), (8, 8))
    pictures.check()
    taken = pictures.take(np.array([3, 1]))
    assert taken.keys == ("images/3.jpg", "images/1.jpg")
    assert taken.cached
    assert np.array_equal(taken[0], pictures[3])


def test_all_broken_images_are_found_named_and_counted(folder: Path, caplog: pytest.LogCaptureFixture):
    (folder / "images/1.jpg").write_bytes(b"broken")
    (folder / "images/3.jpg").unlink()
    broken = Pictures(folder, keys(), (8, 8)).check()
    assert sorted(broken) == [1, 3]
    error = refuse_broken(broken.values(), images=4, root=folder)
    assert error.what == "2 of 4 images cannot be read"
    assert error.found == "images/1.jpg (the image is not of an expected format), images/3.jpg (no such image)"
    with caplog.at_level(logging.WARNING, "bench"):
        log_broken(broken.values(), folder)
    assert [record.message for record in caplog.records] == [
        "skipped: images/1.jpg (the image is not of an expected format)",
        "skipped: images/3.jpg (no such image)",
    ]
