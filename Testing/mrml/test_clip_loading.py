"""A clip put into the scene is the clip the module reads back from it."""

from __future__ import annotations

import numpy as np
import pytest
import slicer
from mrml import cines

from PointSegLib.clip import CineClip


def added(clip):
    from PointSegModule.clip_loading import addClip

    return addClip(clip, "Echo")


def readBack(node):
    from PointSegModule.scene_input import findCine, readClip

    return readClip(findCine(node))


def test_frames_spacing_and_times_come_back_as_they_were(scene):
    times = np.array([0.0, 0.033, 0.066, 0.12, 0.15, 0.1666667])
    clip = CineClip(cines.speckle(), spacing_mm=(0.3, 0.25), times_s=times)
    seen = readBack(added(clip))
    assert (seen.frames == clip.frames).all()
    assert seen.spacing_mm == pytest.approx((0.3, 0.25))
    assert seen.times_s == pytest.approx(times, abs=1e-6)
    assert seen.warnings == ()


def test_what_a_clip_does_not_know_is_not_made_up(scene):
    seen = readBack(added(CineClip(cines.speckle())))
    assert seen.spacing_mm is None
    assert seen.times_s is None
    assert seen.r_wave_times_s is None


def test_r_waves_come_back_on_the_clock_of_the_frames(scene):
    times = 0.04 * np.arange(cines.FRAMES)
    seen = readBack(added(CineClip(cines.speckle(), times_s=times, r_wave_times_s=[-0.3, 0.0412345])))
    assert seen.r_wave_times_s.tolist() == [-0.3, 0.0412345]


def test_frames_nearer_than_slicers_tolerance_stay_apart(scene):
    times = 0.0004 * np.arange(cines.FRAMES)
    seen = readBack(added(CineClip(cines.speckle(), times_s=times)))
    assert seen.times_s == pytest.approx(times, abs=1e-9)


def test_one_frame_is_a_clip_too(scene):
    browser = added(CineClip(cines.speckle(1), times_s=np.zeros(1)))
    assert len(readBack(browser)) == 1


def test_frames_lie_where_slicers_dicom_reader_would_put_them(scene):
    browser = added(CineClip(cines.speckle(), spacing_mm=cines.DICOM_SPACING))
    from PointSegModule.scene_input import ijkToRas

    image = browser.GetProxyNode(browser.GetMasterSequenceNode())
    assert ijkToRas(image) == pytest.approx(cines.dicomMatrix())


def test_the_browser_plays_at_the_clips_own_rate(scene):
    clip = CineClip(cines.speckle(), times_s=0.02 * np.arange(cines.FRAMES))
    browser = added(clip)
    assert browser.GetPlaybackRateFps() == pytest.approx(50)
    image = browser.GetProxyNode(browser.GetMasterSequenceNode())
    for frame in range(cines.FRAMES):
        browser.SetSelectedItemNumber(frame)
        assert (slicer.util.arrayFromVolume(image)[0] == clip.frames[frame]).all()


def test_nodes_bear_the_clips_name(scene):
    browser = added(CineClip(cines.speckle()))
    assert browser.GetName() == "Echo browser"
    assert browser.GetMasterSequenceNode().GetName() == "Echo"
    assert browser.GetProxyNode(browser.GetMasterSequenceNode()).GetName() == "Echo"
