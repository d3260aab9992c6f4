"""A slice view as a user sees it: the overlay lies on the tissue, in the right place and colour."""

from __future__ import annotations

import numpy as np
import pytest
import slicer
from mrml import cines
from mrml.artifacts import artifactsFolder
from mrml.fake_predictor import FakePredictor, movingHeart, shift
from mrml.headless_slicer import newSequenceBrowser

SIZE = (cines.WIDTH, cines.HEIGHT)


@pytest.fixture
def shown(scene, sliceView):
    """(slice view, output) of a run with one point of the user's."""
    from PointSegModule.logic import CineProcessor

    browser = newSequenceBrowser(cines.imageSequence(cines.speckle()))
    output = CineProcessor().process(browser, predictor=FakePredictor(), points=[[0, 100.0, 20.0]])
    sliceView.showVolume(output.imageNode)
    return sliceView, output


def positionOf(frame, x, y):
    return (-0.25 * (x + shift(frame)), -0.30 * y, 0.0)


def patch(picture, pixel, radius=2):
    row, column = pixel
    return picture[row - radius : row + radius + 1, column - radius : column + radius + 1].reshape(-1, 3).astype(int)


@pytest.mark.parametrize("frame", [0, 3])
def test_wall_is_tinted_and_follows_the_frames(shown, frame):
    view, output = shown
    output.browser.SetSelectedItemNumber(frame)
    picture = view.render(artifactsFolder() / f"slice_view_{frame}.png")
    heartX, heartY, inner = 0.4 * cines.WIDTH, 0.4 * cines.HEIGHT, 0.18 * cines.HEIGHT
    wall = patch(picture, view.pixelOf(positionOf(frame, heartX - 0.88 * inner, heartY - 0.88 * inner)))
    assert (wall[:, 1] > wall[:, 0] + 20).mean() > 0.8, "the wall is green"
    assert wall.std(axis=0).min() > 5, "tissue shows through"
    outside = patch(picture, view.pixelOf(positionOf(frame, 0.9 * cines.WIDTH - shift(frame), 0.9 * cines.HEIGHT)))
    assert np.ptp(outside, axis=1).max() < 8, "tissue outside stays grey"


def test_picture_shows_the_mask_and_nothing_else_of_it(shown):
    """Compared with the picture without segmentation, exactly the labelled area (and its outline) differs."""
    view, output = shown
    output.points.GetDisplayNode().SetVisibility(False)
    for curve in output.trajectories:
        curve.GetDisplayNode().SetVisibility(False)
    withMask = view.render().astype(int)
    output.segmentation.GetDisplayNode().SetVisibility(False)
    changed = np.abs(withMask - view.render()).max(axis=-1) > 0
    labels = movingHeart(SIZE, 0)
    hits = misses = 0
    for y, x in np.ndindex(*labels.shape):
        around = labels[max(0, y - 1) : y + 2, max(0, x - 1) : x + 2]
        if np.ptp(around):
            continue  # an outline passes here
        row, column = view.pixelOf((-0.25 * x, -0.30 * y, 0.0))
        hits += changed[row, column] == (labels[y, x] > 0)
        misses += changed[row, column] != (labels[y, x] > 0)
    assert misses == 0
    assert hits > 0.8 * labels.size


def test_users_point_is_drawn_where_it_was_put(shown):
    view, _ = shown
    picture = patch(view.render(), view.pixelOf(positionOf(0, 100.0, 20.0)), radius=1)
    assert (picture[:, 0] > 180).any()
    assert (picture[:, 2] < 100).any(), "yellow"


def test_hidden_point_is_not_drawn(shown):
    view, output = shown
    for curve in output.trajectories:
        curve.GetDisplayNode().SetVisibility(False)
    output.browser.SetSelectedItemNumber(1)
    last = output.points.GetNumberOfControlPoints() - 1
    position = slicer.util.arrayFromMarkupsControlPoints(output.points)[last]
    there = patch(view.render(), view.pixelOf(position), radius=3)
    output.points.GetDisplayNode().SetVisibility(False)
    assert (there == patch(view.render(), view.pixelOf(position), radius=3)).all()


def test_same_scene_gives_the_same_picture(shown):
    view, _ = shown
    assert (view.render() == view.render()).all()
