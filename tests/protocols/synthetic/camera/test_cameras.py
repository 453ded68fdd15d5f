"""The cameras differ, and more of them change none."""

from protocols.synthetic.camera.cameras import cameras


def test_cameras_differ_in_everything_that_they_differ_in():
    placed = cameras(20)

    assert [camera.number for camera in placed] == list(range(1, 21))
    assert cameras(9) == placed[:9]
    for name in ("azimuth", "height", "distance", "sun", "blur", "quality", "road", "gains"):
        assert len({getattr(camera, name) for camera in placed[:8]}) >= 7, name
    assert len({camera.scenery for camera in placed}) == 4
