"""The plan of a data set."""


def test_more_vehicles_of_the_same_seed_do_not_change_a_training_vehicle_s_tracks():
    from protocols.synthetic.camera.frames import tracks_of
    from protocols.synthetic.plan import plan_of

    plan = plan_of(1, 50, 5)

    assert [track for track in plan.tracks if track.vehicle == 9] == list(tracks_of(1, 9, 5))
