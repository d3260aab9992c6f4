"""Claims about the wall found in a mask: its lines, annulus, apex and segments, and the masks that are refused."""

from __future__ import annotations

import math

import numpy as np
import pytest
from lib.measurement.walls import LENGTH, THICK, WIDTH, cup, heart, scale_of
from shared_data import shared_data

from PointSegLib.errors import MeasurementError
from PointSegLib.measurement.geometry import find_wall
from PointSegLib.measurement.outline import arc_length, smoothed, trace_outline
from PointSegLib.measurement.scale import Scale
from PointSegLib.measurement.segments import Naming

PIXELS = Scale()


def _ellipse(by: float) -> np.ndarray:
    """A fine polyline on the half-ellipse of `cup`, `by` pixels outside the cavity, from left to right."""
    a, b = WIDTH + by, 0.75 * LENGTH + by
    low = math.asin(0.25 * LENGTH / b)
    angle = np.linspace(-math.pi - low, low, 4001)
    return np.stack([a * np.cos(angle), b * np.sin(angle)], 1) + 99.5


def _distance(line: np.ndarray, truth: np.ndarray) -> np.ndarray:
    return np.linalg.norm(line[:, None] - truth, axis=-1).min(1)


def test_outline_of_a_square_goes_round_it_once():
    mask = np.zeros((5, 6), bool)
    mask[1:4, 2:4] = True
    outline = trace_outline(mask)
    assert len(outline.corners) == 10
    assert {tuple(c) for c in outline.corners} >= {(1.5, 0.5), (3.5, 0.5), (3.5, 3.5), (1.5, 3.5)}
    assert not mask[outline.outside[:, 1], outline.outside[:, 0]].any()


def test_outline_of_pixels_that_touch_at_a_corner_stays_with_the_first():
    assert len(trace_outline(np.eye(3, dtype=bool)).corners) == 4


def test_smoothing_keeps_the_ends_and_straight_lines():
    line = np.linspace([0.0, 5.0], [20.0, 9.0], 30)
    np.testing.assert_allclose(smoothed(line, 2.0), line, atol=1e-9)


def test_lines_lie_on_the_ellipses_they_were_drawn_from():
    wall = find_wall(cup(), PIXELS)
    for line, by in ((wall.endo, 0.0), (wall.mid, THICK / 2), (wall.epi, THICK)):
        # the last stretch runs straight across the wall, which the drawn ellipses do not
        assert _distance(line[3:-3], _ellipse(by)).max() < 0.6
    assert arc_length(wall.mid)[-1] == pytest.approx(arc_length(_ellipse(THICK / 2))[-1], rel=0.03)


def test_lines_have_equal_steps_and_run_from_left_to_right():
    wall = find_wall(cup(), PIXELS)
    steps = np.diff(arc_length(wall.mid))
    assert np.ptp(steps) < 0.01 * steps.mean()
    assert wall.mid[0, 0] < wall.mid[-1, 0]
    np.testing.assert_allclose(wall.annulus, wall.endo[[0, -1]], atol=0.5)


def test_apex_and_annulus_are_where_they_were_drawn():
    wall = find_wall(cup(), PIXELS)
    np.testing.assert_allclose(wall.apex, [99.5, 99.5 - 0.75 * LENGTH], atol=2.0)
    assert wall.apex_share == pytest.approx(0.5, abs=0.02)
    np.testing.assert_allclose(wall.annulus[:, 1], 99.5 + 0.25 * LENGTH, atol=1.0)
    assert np.linalg.norm(wall.long_axis) == pytest.approx(LENGTH, abs=2.0)


def test_pixels_that_are_not_square_give_the_same_wall_in_millimetres():
    flat = cup()[::2]
    wall, squeezed = find_wall(cup(), Scale(0.5, 0.5, "mm")), find_wall(flat, Scale(0.5, 1.0, "mm"))
    lengths = [arc_length(w.scale.to_units(w.mid))[-1] for w in (wall, squeezed)]
    assert lengths[1] == pytest.approx(lengths[0], rel=0.02)


@pytest.mark.parametrize("turn", [0.3, -0.5, 1.2, math.pi])
def test_a_turned_heart_has_a_turned_wall(turn):
    upright, turned = find_wall(cup(), PIXELS), find_wall(cup(turn=turn), PIXELS)
    back = (turned.mid - 99.5) @ np.array([[math.cos(turn), -math.sin(turn)], [math.sin(turn), math.cos(turn)]])
    back = back if back[0, 0] < back[-1, 0] else back[::-1]
    assert np.abs(back + 99.5 - upright.mid).max() < 2.0


def test_segments_cover_the_line_in_order_and_are_cut_along_the_long_axis():
    wall = find_wall(cup(), PIXELS, naming=Naming("A4C"))
    assert [s.name for s in wall.segments] == [
        "basal inferoseptal",
        "mid inferoseptal",
        "apical inferoseptal",
        "apical anterolateral",
        "mid anterolateral",
        "basal anterolateral",
    ]
    assert [a.end for a in wall.segments[:-1]] == [b.start for b in wall.segments[1:]]
    assert (wall.segments[0].start, wall.segments[-1].end) == (0.0, 1.0)
    height = np.interp(wall.segments[0].end, wall.share, wall.mid[:, 1])
    base, top = wall.mid[0, 1], wall.mid[:, 1].min()
    assert (base - height) / (base - top) == pytest.approx(0.35, abs=0.02)


def test_mirrored_display_exchanges_the_names_and_an_unknown_view_says_left_and_right():
    assert Naming("A2C").walls == ("inferior", "anterior")
    assert Naming("A2C", mirrored=True).walls == ("anterior", "inferior")
    assert find_wall(cup(), PIXELS).segments[0].name == "basal left"


def test_a_view_that_does_not_exist_is_refused():
    with pytest.raises(MeasurementError, match="PLAX"):
        Naming("PLAX")


def test_a_heart_without_atrium_has_the_same_wall():
    np.testing.assert_allclose(find_wall(cup(atrium=False), PIXELS).mid, find_wall(cup(), PIXELS).mid, atol=0.1)


def test_a_small_hole_is_bridged_with_a_word():
    labels = cup()
    labels[50:58, 60:100][labels[50:58, 60:100] == 2] = 0
    wall = find_wall(labels, PIXELS)
    assert "bridged" in wall.warnings[0]
    assert np.abs(wall.endo - find_wall(cup(), PIXELS).endo).max() < 2.0


def _nothing(labels: np.ndarray) -> None:
    labels[:] = 0


def _no_wall(labels: np.ndarray) -> None:
    labels[labels == 2] = 0


def _broken(labels: np.ndarray) -> None:
    labels[50:100, 100:][labels[50:100, 100:] == 2] = 0


def _closed(labels: np.ndarray) -> None:
    labels[labels == 3] = 2
    labels[124:128, 60:140] = 2


def _cut_off(labels: np.ndarray) -> None:
    labels[:, 120:] = 0


@pytest.mark.parametrize(
    ("spoil", "said"),
    [(_nothing, "neither"), (_no_wall, "myocardium"), (_broken, "broken"), (_closed, "closes"), (_cut_off, "cut off")],
)
def test_masks_without_a_usable_wall_are_refused_with_the_frame_and_the_reason(spoil, said):
    labels = cup()
    spoil(labels)
    with pytest.raises(MeasurementError, match=rf"frame 7.*{said}"):
        find_wall(labels, PIXELS, frame=7)


@pytest.mark.parametrize("seed", range(4))
def test_simulated_hearts_have_walls_as_thick_as_their_masks(seed):
    scene = heart(seed, frames=1)
    wall, scale = find_wall(scene.labels[0].numpy(), scale_of(scene)), scale_of(scene)
    thickness = np.linalg.norm(scale.to_units(wall.epi - wall.endo), axis=1).mean()
    area = float((scene.labels[0] == 2).sum()) * scale.pixel_area
    assert thickness * arc_length(scale.to_units(wall.mid))[-1] == pytest.approx(area, rel=0.12)


def test_experts_masks_have_walls():
    sitk = pytest.importorskip("SimpleITK")
    folder = shared_data("camus")
    for path in sorted(folder.glob("patient00[0-2]*/*4CH_E?_gt.nii.gz")):
        image = sitk.ReadImage(str(path))
        spacing = image.GetSpacing()
        wall = find_wall(sitk.GetArrayFromImage(image).squeeze(), Scale(spacing[0], spacing[1], "mm"))
        assert 45.0 < np.linalg.norm(wall.long_axis) < 110.0
