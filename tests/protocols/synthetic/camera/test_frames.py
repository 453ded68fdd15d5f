"""Frames: the cameras and the tracks of a vehicle."""

from hypothesis import given, settings, strategies as st

from protocols.synthetic.camera.frames import SHORTEST, query_of, tracks_of
from tests.protocols.synthetic.drawn_sets import SEEDS


@given(SEEDS, st.integers(1, 9_999), st.integers(2, 30))
@settings(max_examples=60)
def test_a_vehicle_passes_several_cameras_and_no_frame_twice(seed, number, count):
    tracks = tracks_of(seed, number, count)
    frames = [frame for track in tracks for frame in track.frames]

    assert len({track.camera for track in tracks}) == max(2, int(0.7 * count))
    assert len({frame.name for frame in frames}) == len(frames) >= 2 * SHORTEST
    assert [frame.name for frame in frames] == sorted(frame.name for frame in frames)
    assert query_of(seed, tracks[:1]) in tracks[0].frames
