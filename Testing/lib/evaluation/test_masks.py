"""Claims about mask scores, by hand and against MONAI and a brute-force distance."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.distance import cdist

from PointSegLib.errors import ClipError
from PointSegLib.evaluation.masks import dice, score_labels, surface_distance


def _box(top: int, left: int, bottom: int, right: int, shape: tuple[int, int] = (40, 50)) -> np.ndarray:
    mask = np.zeros(shape, bool)
    mask[top:bottom, left:right] = True
    return mask


def _blobs(seed: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:60, :80]
    masks = []
    for _ in range(2):
        cy, cx, ry, rx = rng.uniform([22, 30, 8, 8], [38, 50, 20, 25])
        masks.append(((y - cy) / ry) ** 2 + ((x - cx) / rx) ** 2 < 1)
    return masks[0], masks[1]


def _directed_by_brute_force(first: np.ndarray, second: np.ndarray, spacing) -> tuple[np.ndarray, np.ndarray]:
    points = []
    for mask in (first, second):
        padded = np.pad(mask, 1)
        inner = padded[2:, 1:-1] & padded[:-2, 1:-1] & padded[1:-1, 2:] & padded[1:-1, :-2]
        points.append(np.argwhere(mask & ~inner) * spacing)
    distances = cdist(points[0], points[1])
    return distances.min(1), distances.min(0)


def test_dice_of_half_overlapping_boxes():
    assert dice(_box(0, 0, 10, 10), _box(0, 5, 10, 15)) == pytest.approx(0.5)
    assert dice(_box(2, 2, 9, 9), _box(2, 2, 9, 9)) == 1.0
    assert dice(_box(0, 0, 5, 5), _box(20, 20, 25, 25)) == 0.0


def test_dice_with_empty_masks():
    assert dice(_box(0, 0, 0, 0), _box(0, 0, 5, 5)) == 0.0
    assert np.isnan(dice(_box(0, 0, 0, 0), _box(0, 0, 0, 0)))


def test_shifted_line_is_as_far_as_its_shift_in_mm():
    line, shifted = _box(10, 10, 11, 30), _box(13, 10, 14, 30)
    distance = surface_distance(line, shifted, (0.5, 2.0))
    assert (distance.hd95_pooled, distance.hd95_max, distance.hausdorff) == pytest.approx((1.5, 1.5, 1.5))
    sideways = surface_distance(_box(10, 10, 30, 11), _box(10, 12, 30, 13), (0.5, 2.0))
    assert sideways.hd95_max == pytest.approx(4.0)


def test_identical_masks_are_at_distance_zero_even_at_the_image_edge():
    mask = _box(0, 0, 40, 20)
    assert surface_distance(mask, mask).hausdorff == 0.0


def test_pooled_and_max_definitions_differ_as_documented():
    # 20 surface pixels face 20 others at no distance; 2 more stick out of one mask only.
    line = _box(10, 10, 11, 30)
    spur = line.copy()
    spur[0, 10:12] = True
    distance = surface_distance(spur, line)
    there = np.r_[np.zeros(20), 10.0, 10.0]
    assert distance.hd95_max == pytest.approx(np.percentile(there, 95))
    assert distance.hd95_pooled == pytest.approx(np.percentile(np.r_[there, np.zeros(20)], 95))
    assert distance.hd95_max > distance.hd95_pooled


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("spacing", [(1.0, 1.0), (0.154, 0.308)])
def test_distances_agree_with_brute_force(seed, spacing):
    first, second = _blobs(seed)
    there, back = _directed_by_brute_force(first, second, spacing)
    found = surface_distance(first, second, spacing)
    assert found.hd95_pooled == pytest.approx(np.percentile(np.r_[there, back], 95))
    assert found.hd95_max == pytest.approx(max(np.percentile(there, 95), np.percentile(back, 95)))
    assert found.hausdorff == pytest.approx(max(there.max(), back.max()))


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("spacing", [(1.0, 1.0), (0.154, 0.308)])
def test_dice_and_max_distance_agree_with_monai(seed, spacing):
    metrics = pytest.importorskip("monai.metrics", reason="MONAI is not installed")
    torch = pytest.importorskip("torch")
    first, second = _blobs(seed)
    one, two = (torch.from_numpy(mask[None, None].astype(np.float32)) for mask in (first, second))
    expected = metrics.compute_hausdorff_distance(one, two, include_background=True, percentile=95, spacing=spacing)
    assert surface_distance(first, second, spacing).hd95_max == pytest.approx(float(expected), rel=1e-5)
    expected = metrics.compute_dice(one, two, include_background=True)
    assert dice(first, second) == pytest.approx(float(expected), rel=1e-6)


def test_empty_prediction_costs_the_image_diagonal_and_is_named():
    truth = np.zeros((30, 40), np.uint8)
    truth[5:10, 5:10] = 1
    truth[15:20, 5:10] = 2
    prediction = np.where(truth == 2, 2, 0).astype(np.uint8)
    prediction[25:28, 30:35] = 3
    rows = score_labels(prediction, truth, (1, 2, 3), (0.5, 0.25))
    diagonal = np.hypot(15.0, 10.0)
    assert (rows[1]["empty"], rows[1]["dice"], rows[1]["hd95_pooled_mm"]) == ("prediction", 0.0, diagonal)
    assert (rows[1]["hd95_max_px"], rows[2]["hd95_max_px"]) == (50.0, 0.0)
    assert (rows[2]["empty"], rows[2]["dice"]) == ("", 1.0)
    assert (rows[3]["empty"], rows[3]["dice"], rows[3]["hd95_max_mm"]) == ("truth", 0.0, diagonal)
    assert score_labels(truth, truth, (3,), None)[3]["empty"] == "both"


def test_no_pixel_size_means_no_millimetres():
    first, second = (mask.astype(np.uint8) for mask in _blobs(0))
    row = score_labels(first, second, (1,), None)[1]
    assert np.isnan(row["hd95_pooled_mm"])
    assert np.isnan(row["hd95_max_mm"])
    assert row["hd95_pooled_px"] > 0


def test_masks_of_different_size_are_refused():
    with pytest.raises(ClipError, match="cannot be compared"):
        dice(np.zeros((4, 4), bool), np.zeros((4, 5), bool))
