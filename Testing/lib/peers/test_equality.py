"""Claims about equal training data: what two networks say of their masks is compared by its numbers."""

from __future__ import annotations

import pytest

from PointSegLib.peers.equality import data_of_masks, unequal_data

FRAMES = "CAMUS, 1398 annotated ED/ES frames of 350 patients"
CLIPS = f"{FRAMES}, and 1000 clips of clips"
OURS = {
    "tracker": {"data": "7 clips of others"},
    "stills": {"data": FRAMES},
    "segmenter": {"data": CLIPS},
    "evaluation": {"data": {"masks": "CAMUS validation patients"}},
}


def test_words_are_those_of_the_stages_that_learn_masks():
    assert data_of_masks(OURS) == f"{FRAMES}; {CLIPS}"
    assert data_of_masks({"unet_1": {"data": FRAMES}, "unet_2": {"data": FRAMES}}) == FRAMES
    assert data_of_masks({"data": "none", "tracker": {"data": "7 clips of others"}}) == ""


def test_the_same_numbers_are_equal_however_they_are_told():
    peer = {"unet_1": {"data": f"the batches of PointSeg's segmenter: {CLIPS}"}}
    assert unequal_data(data_of_masks(OURS), data_of_masks(peer)) == ""


@pytest.mark.parametrize("peers", [FRAMES, CLIPS.replace("1398", "700"), CLIPS.replace("350", "300")])
def test_other_frames_patients_or_clips_are_told_with_both_networks_words(peers):
    said = unequal_data(CLIPS, peers)
    assert CLIPS in said
    assert peers in said
    assert "--packed" in said


def test_who_says_nothing_is_named():
    assert "PointSeg cannot say" in unequal_data("", FRAMES)
    assert "the other network cannot say" in unequal_data(FRAMES, "")
