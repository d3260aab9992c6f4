"""Claims about scenes: the motion asked for, undone by its inverse, sparing the wall, one with masks and tracks."""

from __future__ import annotations

from dataclasses import fields, replace

import numpy as np
import pytest
import torch
from lib.simulation.contours_cup import cup
from shared_data import shared_data

from PointSegLib.errors import ClipError
from PointSegLib.simulation.anatomy import build_heart, draw_shape
from PointSegLib.simulation.cycle import draw_rhythm
from PointSegLib.simulation.extension import area_change
from PointSegLib.simulation.heart_motion import SEGMENTS, HeartPair, draw_motion, ejected_share, segment_weights
from PointSegLib.simulation.motion_config import MotionConfig
from PointSegLib.simulation.parametric import filled, parametric_scene
from PointSegLib.simulation.sampling import pixel_grid, sample_at
from PointSegLib.simulation.scene import BRIGHT, LV_BLOOD, WALL, Scene, SectorGeometry, follow
from PointSegLib.simulation.staging import mirrored, time_reversed
from PointSegLib.simulation.template import TemplatePair, fitted_fan, template_scene
from PointSegLib.training.frames import read_camus_set

SIDE = 128
# One whole beat of a healthy heart before a still probe.
PLAIN = MotionConfig(
    segment_variation=0.0,
    segment_lag=0.0,
    disease_probability=0.0,
    surroundings_px=(0.0, 0.0),
    heart_rate_bpm=(75.0, 75.0),
    frame_rate_hz=(40.0, 40.0),
    arrhythmia_probability=0.0,
    rest_probability=0.0,
    reversal_probability=0.0,
    mirror_probability=0.0,
    drift_px=(0.0, 0.0),
    rocking_deg=0.0,
)
BEAT = 33


def _generator(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def _volume(labels: torch.Tensor, squeeze: float) -> float:
    """Area squared over length, the latter from the middle of the edge that cavity and atrium share."""
    grid = pixel_grid(SIDE, SIDE, labels.device) / torch.tensor([squeeze, 1.0])
    cavity = labels == 1
    edge = torch.zeros_like(cavity)
    edge[:-1] = cavity[:-1] & (labels[1:] == 3)
    length = (grid[cavity] - grid[edge].mean(0)).norm(dim=1).max()
    return float(cavity.sum()) ** 2 / float(length)


def _dice(a: torch.Tensor, b: torch.Tensor, label: int) -> float:
    a, b = a == label, b == label
    return float(2 * (a & b).sum() / (a.sum() + b.sum()))


def _template(config: MotionConfig, seed: int = 0, n_frames: int = BEAT) -> Scene:
    labels = cup()
    image = np.where(labels == 2, 180, 60).astype(np.uint8) * SectorGeometry(
        (63.5, 0.0), (-0.7, 0.7), (2.0, 127.5), 0.78
    ).mask(SIDE).numpy().astype(np.uint8)
    pair = TemplatePair(image, labels, cup(16.0, 60.0, 14.0), "cup")
    return template_scene(pair, n_frames, _generator(seed), config)


@pytest.fixture(params=["parametric", "template"])
def make(request):
    if request.param == "parametric":
        return lambda config, seed=0, n_frames=BEAT: parametric_scene(n_frames, _generator(seed), config, SIDE)
    return _template


def test_shapes_are_those_of_the_contract(make):
    scene = make(MotionConfig(), n_frames=5)
    assert len(scene) == 5
    assert scene.labels.shape == (5, SIDE, SIDE)
    assert scene.labels.dtype == scene.tissue.dtype == torch.uint8
    assert scene.forward.shape == scene.inverse.shape
    assert scene.echogenicity.dtype == torch.float32
    assert float(scene.echogenicity.min()) >= 0
    assert set(scene.labels.unique().tolist()) == {0, 1, 2, 3}


def test_tracks_of_the_wall_are_the_analytic_motion():
    heart = build_heart(draw_shape(0.5, _generator(4)), 60.0)
    sector = SectorGeometry((0.0, 0.0), (-0.7, 0.7), (0.0, SIDE))
    centre = np.array([60.0, 30.0])
    ed, es = (
        replace(c, endo=c.endo + centre, epi=c.epi + centre, atrium=c.atrium + centre) for c in (heart.ed, heart.es)
    )
    motion = draw_motion(HeartPair(ed, es, sector, SIDE), None, BEAT, _generator(7), PLAIN)
    contraction = draw_rhythm(BEAT, _generator(7), PLAIN).contraction(torch.arange(float(BEAT)))
    for depth in (0.0, 0.3, 1.0):
        start, end = (torch.from_numpy(c.endo + depth * (c.epi - c.endo)).float()[2:-2] for c in (ed, es))
        expected = start[:, None] + contraction[:, None] * (end - start)[:, None]
        places = start.expand(BEAT, -1, -1)
        tracks = (places + sample_at(motion.forward, places, (SIDE, SIDE))).transpose(0, 1)
        assert float((tracks - expected).norm(dim=-1).max()) < 0.35


def test_what_a_pixel_shows_is_where_the_track_came_from(make):
    scene = make(MotionConfig(rest_probability=0.0), seed=3)
    points = torch.rand((400, 2), generator=_generator(0)) * (SIDE - 30) + 15
    tracks = follow(points, scene)
    inside = scene.sector.contains(tracks)
    frames = tracks.transpose(0, 1).contiguous()
    shown = (frames + sample_at(scene.inverse, frames, (SIDE, SIDE))).transpose(0, 1)
    assert float((shown - points[:, None]).norm(dim=-1)[inside].max()) < 0.01
    forward = points + sample_at(scene.forward, points.expand(len(scene), -1, -1), (SIDE, SIDE))
    error = (forward.transpose(0, 1) - tracks).norm(dim=-1)[inside]
    assert float(error.quantile(0.99)) < 0.1
    assert float(error.max()) < 0.5


def test_labels_move_with_the_tracks(make):
    scene = make(replace(PLAIN, drift_px=(3.0, 3.0)), seed=2)
    grid = pixel_grid(SIDE, SIDE, torch.device("cpu"))
    deep = torch.nn.functional.avg_pool2d((scene.tissue == WALL).float()[None], 5, 1, 2)[0] == 1
    tracks = follow(grid[deep], scene).round().long()
    seen = (tracks >= 0).all(-1) & (tracks < SIDE).all(-1)
    at = tracks.clamp(0, SIDE - 1)
    values = scene.labels[torch.arange(len(scene)), at[..., 1], at[..., 0]]
    assert bool((values[seen] == 2).all())


@pytest.mark.parametrize("wanted", [0.15, 0.35, 0.6])
def test_labels_eject_what_was_asked_for(make, wanted):
    scene = make(replace(PLAIN, ejection_fraction=(wanted, wanted), own_motion_probability=0.0), seed=5)
    full, empty = (_volume(scene.labels[k], scene.sector.squeeze) for k in (scene.ed, scene.es))
    assert 1 - empty / full == pytest.approx(wanted, abs=0.05)


@pytest.mark.parametrize("seed", range(4))
def test_wall_keeps_its_area_while_the_cavity_empties_and_the_atrium_fills(seed):
    config = replace(PLAIN, ejection_fraction=(0.5, 0.6))
    scene = parametric_scene(BEAT, _generator(seed), config, SIDE)
    areas = torch.stack([(scene.labels == label).flatten(1).count_nonzero(1) for label in (1, 2, 3)]).float()
    relative = areas / areas[:, scene.ed, None]
    assert float((relative[1] - 1).abs().max()) < 0.07
    assert float(relative[0].min()) < 0.75
    assert float(relative[2, scene.es]) > 1.1


def test_nothing_moves_at_rest(make):
    scene = make(MotionConfig(rest_probability=1.0))
    assert not bool(scene.forward.any())
    assert not bool(scene.inverse.any())
    assert bool((scene.labels == scene.labels[0]).all())
    assert scene.ed == scene.es


def test_same_seed_gives_the_same_scene_and_another_seed_another(make):
    first, again, other = (make(MotionConfig(rest_probability=0.0), seed=s, n_frames=4) for s in (1, 1, 2))
    for field in fields(Scene):
        a, b = getattr(first, field.name), getattr(again, field.name)
        assert torch.equal(a, b) if isinstance(a, torch.Tensor) else a == b
    assert not torch.equal(first.forward, other.forward)


def test_nothing_folds_over_thirty_seeds():
    for seed in range(30):
        scene = parametric_scene(6, _generator(seed), MotionConfig(), SIDE)
        assert float(area_change(scene.forward, SIDE).min()) > 0.15


def test_reversed_scene_runs_backwards(make):
    scene = make(MotionConfig(), n_frames=7, seed=4)
    back = time_reversed(scene)
    points = torch.tensor([[50.0, 60.0], [70.0, 40.0]])
    assert torch.allclose(follow(points, back), follow(points, scene).flip(1))
    assert torch.equal(back.labels[0], scene.labels[6])
    assert (back.ed, back.es) == (6 - scene.ed, 6 - scene.es)


def test_mirrored_scene_is_the_scene_in_a_mirror(make):
    scene = make(MotionConfig(rest_probability=0.0), n_frames=7, seed=4)
    mirror = mirrored(scene)
    points = torch.tensor([[50.0, 60.0], [70.0, 40.0]])
    flip = torch.tensor([-1.0, 1.0])
    there = follow(points * flip + torch.tensor([SIDE - 1.0, 0.0]), mirror)
    assert torch.allclose(there * flip + torch.tensor([SIDE - 1.0, 0.0]), follow(points, scene), atol=1e-3)
    assert torch.equal(mirror.labels, scene.labels.flip(-1))
    assert torch.equal(mirror.sector.mask(SIDE), scene.sector.mask(SIDE).flip(-1))


def test_made_pair_reaches_its_end_systolic_mask():
    scene = _template(replace(PLAIN, own_motion_probability=1.0))
    target = torch.from_numpy(cup(16.0, 60.0, 14.0))
    assert min(_dice(scene.labels[scene.es], target, label) for label in (1, 2, 3)) > 0.9


def test_real_pairs_reach_their_end_systolic_mask():
    root = shared_data("camus")
    patients = sorted(p.name for p in root.glob("patient*"))[:4]
    pairs = read_camus_set(root, patients, 256)
    for i in range(0, len(pairs), 2):
        assert pairs.names[i].endswith("ED")
        config = replace(PLAIN, own_motion_probability=1.0)
        image, ed, es = pairs.images[i], pairs.labels[i], pairs.labels[i + 1]
        scene = template_scene(TemplatePair(image, ed, es, pairs.names[i]), BEAT, _generator(i), config)
        moved = scene.labels[scene.es]
        assert _dice(moved, torch.from_numpy(es), 2) > 0.9
        assert _dice(moved, torch.from_numpy(es), 1) > 0.93


def test_systolic_picture_lies_on_the_tissue_it_shows():
    ed, es = cup(), cup(16.0, 60.0, 14.0)
    lit = np.where(ed > 0, 180, 60).astype(np.uint8)
    pair = TemplatePair(lit, ed, es, "cup", es_image=(es == 2).astype(np.uint8) * 200 + 20)
    scene = template_scene(pair, BEAT, _generator(0), PLAIN)
    assert scene.systole is not None
    found = scene.systole > scene.systole.median() * 3
    wall = torch.from_numpy(ed) == 2
    assert float(2 * (found & wall).sum() / (found.sum() + wall.sum())) > 0.85
    assert float(scene.contraction.min()) == pytest.approx(0.0, abs=0.05)
    assert int(scene.contraction.argmax()) == scene.es
    flipped = mirrored(time_reversed(scene))
    assert torch.equal(flipped.contraction, scene.contraction.flip(0))
    assert torch.equal(flipped.systole, scene.systole.flip(-1))


def test_fan_of_a_squeezed_frame_is_found():
    truth = SectorGeometry((127.5, -2.0), (-0.7, 0.7), (4.0, 257.5), 255.0 / (2 * 257.5 * np.sin(0.7)))
    image = truth.mask(256).numpy().astype(np.uint8) * 90
    # A dark free wall must not tilt the fan.
    image[60:140, 150:] = 0
    found = fitted_fan(image)
    assert np.allclose(found.apex_xy, truth.apex_xy, atol=2.0)
    assert np.allclose(found.angles, truth.angles, atol=0.03)
    assert found.squeeze == pytest.approx(truth.squeeze, abs=0.03)


def test_polar_and_cartesian_are_inverse():
    sector = SectorGeometry((60.0, -5.0), (-0.6, 0.7), (3.0, 120.0), 0.8)
    xy = torch.rand((50, 2), generator=_generator(0)) * 100
    assert torch.allclose(sector.cartesian(sector.polar(xy)), xy, atol=1e-3)


def test_akinetic_segment_ejects_less():
    heart = build_heart(draw_shape(0.6, _generator(2)), 60.0)
    pair = HeartPair(heart.ed, heart.es, SectorGeometry((0.0, 0.0), (-0.7, 0.7), (0.0, 128.0)), SIDE)
    healthy, sick = torch.ones(SEGMENTS), torch.ones(SEGMENTS)
    sick[1] = 0.0
    assert ejected_share(pair, healthy, 1.0) == pytest.approx(0.6, abs=0.03)
    assert ejected_share(pair, sick, 1.0) < ejected_share(pair, healthy, 1.0) - 0.05
    assert torch.allclose(segment_weights(torch.linspace(0, 1, 50)).sum(1), torch.ones(50))


def test_blood_is_dark_and_valves_are_bright():
    scene = parametric_scene(1, _generator(6), PLAIN, SIDE)
    mean = {kind: float(scene.echogenicity[scene.tissue == kind].mean()) for kind in (LV_BLOOD, WALL, BRIGHT)}
    assert mean[LV_BLOOD] < 0.3 * mean[WALL] < 0.3 * mean[BRIGHT]


def test_polygon_is_filled_by_pixel_centres():
    assert filled(np.array([[0.5, 0.5], [3.5, 0.5], [3.5, 2.5], [0.5, 2.5]]), 5).sum() == 6


def test_wrong_requests_are_refused():
    with pytest.raises(ClipError, match="at least 64"):
        parametric_scene(3, _generator(0), side=32)
    with pytest.raises(ClipError, match="at least 1"):
        parametric_scene(0, _generator(0))
    labels = cup()
    with pytest.raises(ClipError, match="squares of one size"):
        template_scene(TemplatePair(labels, labels, labels[:100], ""), 3, _generator(0))
    with pytest.raises(ClipError, match="patient9: the frame is black"):
        template_scene(TemplatePair(np.zeros_like(labels), labels, labels, "patient9"), 3, _generator(0))
