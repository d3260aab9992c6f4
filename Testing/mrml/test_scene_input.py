"""What is read from the scene, and how clearly unusable nodes are refused."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import slicer
from mrml import cines
from mrml.headless_slicer import newSequenceBrowser

REPOSITORY = Path(__file__).resolve().parents[2]

pytestmark = pytest.mark.usefixtures("scene")


def read(node, spacingMm=None):
    from PointSegModule.scene_input import findCine, readClip

    return readClip(findCine(node), spacingMm)


def refused(node, match):
    from PointSegModule.scene_input import SceneInputError, findCine

    with pytest.raises(SceneInputError, match=match):
        findCine(node)


def named(node, name):
    node.SetName(name)
    return slicer.mrmlScene.AddNode(node)


def test_spacing_is_row_then_column():
    assert read(cines.imageSequence(cines.speckle())).spacing_mm == pytest.approx(cines.DICOM_SPACING)


def test_spacing_of_rotated_frames_is_the_length_of_the_columns():
    turned = np.array([[0.0, -0.3, 0, 0], [0.25, 0, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]])
    sequence = cines.imageSequence(cines.speckle(), matrices=[turned] * cines.FRAMES)
    assert read(sequence).spacing_mm == pytest.approx((0.3, 0.25))


def test_spacing_of_exactly_one_means_uncalibrated():
    sequence = cines.imageSequence(cines.speckle(), matrices=[cines.dicomMatrix((1.0, 1.0))] * cines.FRAMES)
    clip = read(sequence)
    assert clip.spacing_mm is None
    assert any("not calibrated" in warning for warning in clip.warnings)


def test_spacing_that_differs_between_frames_is_not_used():
    matrices = [cines.dicomMatrix((0.3, 0.3 + 0.01 * t)) for t in range(cines.FRAMES)]
    assert read(cines.imageSequence(cines.speckle(), matrices=matrices)).spacing_mm is None


def test_given_spacing_wins_over_the_images():
    clip = read(cines.imageSequence(cines.speckle()), (0.5, 0.6))
    assert clip.spacing_mm == (0.5, 0.6)
    assert clip.calibration == "given by the user"


@pytest.mark.parametrize(("unit", "scale"), [("s", 1.0), ("ms", 1e-3)])
def test_times_come_from_the_index_in_seconds(unit, scale):
    values = ["0", "33.5", "70", "100", "140.25", "166"]
    clip = read(cines.imageSequence(cines.speckle(), index=("time", unit, values)))
    assert clip.times_s == pytest.approx(scale * np.array([float(v) for v in values]))


@pytest.mark.parametrize(
    ("index", "why"),
    [
        (("frame", "", ["0", "1", "2", "3", "4", "5"]), "has the unit ''"),
        (("time", "s", ["0", "0.2", "0.1", "0.3", "0.4", "0.5"]), "do not increase"),
        (("time", "s", ["ED", "b", "c", "ES", "d", "e"]), "not numbers"),
    ],
)
def test_times_are_never_guessed(index, why):
    clip = read(cines.imageSequence(cines.speckle(), index=index, textIndex=True))
    assert clip.times_s is None
    assert any(why in warning for warning in clip.warnings)


def test_wide_values_are_mapped_to_eight_bits():
    frames = cines.speckle().astype(np.int16) * 100 - 1000
    clip = read(cines.imageSequence(frames))
    assert clip.frames.dtype == np.uint8
    assert clip.frames.min() == 0
    assert clip.frames.max() == 255


def test_frame_with_nan_is_named():
    frames = cines.speckle().astype(np.float32)
    frames[3, 5, 5] = np.nan
    with pytest.raises(ValueError, match="Echo: frame 3 holds NaN"):
        read(cines.imageSequence(frames))


def test_browser_whose_master_is_a_transform_finds_the_images():
    images = cines.imageSequence(cines.speckle())
    transforms = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSequenceNode", "Probe")
    for i in range(cines.FRAMES):
        transforms.SetDataNodeAtValue(slicer.vtkMRMLLinearTransformNode(), images.GetNthIndexValue(i))
    browser = newSequenceBrowser(transforms)
    browser.AddSynchronizedSequenceNode(images)
    slicer.modules.sequences.logic().UpdateProxyNodesFromSequences(browser)
    assert len(read(browser)) == cines.FRAMES


def test_nothing_selected():
    refused(None, "No input is selected")


@pytest.mark.parametrize(
    ("className", "kind"),
    [
        ("vtkMRMLLabelMapVolumeNode", "labelmap"),
        ("vtkMRMLLinearTransformNode", "LinearTransform"),
        ("vtkMRMLModelNode", "Model"),
        ("vtkMRMLSegmentationNode", "Segmentation"),
    ],
)
def test_wrong_node_is_refused_by_kind(className, kind):
    refused(named(getattr(slicer, className)(), "Thing"), f"'Thing' is a {kind}, not an ultrasound image")


def test_volume_without_image():
    refused(named(slicer.vtkMRMLScalarVolumeNode(), "Empty"), "'Empty' holds no image")


def test_empty_sequence():
    sequence = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSequenceNode", "Echo")
    refused(sequence, "sequence 'Echo' is empty")


def test_sequence_of_transforms():
    sequence = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSequenceNode", "Probe")
    sequence.SetDataNodeAtValue(slicer.vtkMRMLLinearTransformNode(), "0")
    refused(sequence, "frame 0 of 'Probe' is a LinearTransform, not an image")
    refused(newSequenceBrowser(sequence), "frame 0 of 'Probe' is a LinearTransform, not an image")


def test_sequence_of_labelmaps():
    sequence = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSequenceNode", "Masks")
    sequence.SetDataNodeAtValue(slicer.vtkMRMLLabelMapVolumeNode(), "0")
    refused(sequence, "frame 0 of 'Masks' is a labelmap")


def test_frame_of_another_size_is_named():
    sequence = cines.imageSequence(cines.speckle(3))
    sequence.SetDataNodeAtValue(cines.volumeNode(np.zeros((1, 40, 50), np.uint8)), "9")
    refused(sequence, "frame 3 of 'Echo' has 50 x 40 pixels but frame 0 has 128 x 96")


def test_sequence_of_3d_volumes():
    sequence = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSequenceNode", "Heart")
    sequence.SetDataNodeAtValue(cines.volumeNode(np.zeros((7, 40, 50), np.uint8)), "0")
    refused(sequence, "frame 0 of 'Heart' is a 3-D volume of 50 x 40 x 7")


def test_too_small_frames():
    with pytest.raises(ValueError, match="20 x 10 pixels are too small"):
        read(named(cines.volumeNode(np.zeros((3, 10, 20), np.uint8)), "Tiny"))


def test_colours_of_sixteen_bits():
    volume = named(cines.volumeNode(np.zeros((3, 40, 40, 3), np.uint16)), "Deep")
    with pytest.raises(ValueError, match="'Deep' has colours of type uint16"):
        read(volume)


WITHOUT_PYDICOM_PIXELS = """
import sys
sys.modules["pydicom.pixels"] = None  # as with pydicom 2, which comes with Slicer 5.10
from mrml import cines, headless_slicer
headless_slicer.start()
from PointSegModule.scene_input import findCine, readClip
clip = readClip(findCine(cines.imageSequence(cines.speckle(channels=3))))
assert (clip.frames == cines.speckle()).all()
"""


def test_colour_needs_no_newer_pydicom_than_slicers():
    paths = [str(REPOSITORY), str(REPOSITORY / "Testing")]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(paths)}
    command = [sys.executable, "-c", WITHOUT_PYDICOM_PIXELS]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment, timeout=300)
    assert done.returncode == 0, done.stderr


def test_output_of_the_wrong_kind_and_of_another_browser_are_refused():
    from PointSegModule.scene_input import findCine
    from PointSegModule.scene_output import SceneOutputError, checkOutputs

    source = findCine(newSequenceBrowser(cines.imageSequence(cines.speckle())))
    model = named(slicer.vtkMRMLModelNode(), "Shape")
    with pytest.raises(SceneOutputError, match="'Shape' cannot take the result; choose a segmentation"):
        checkOutputs(source, model, None)
    other = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSequenceNode", "Others")
    other.SetDataNodeAtValue(slicer.vtkMRMLSegmentationNode(), "0")
    taken = newSequenceBrowser(other).GetProxyNode(other)
    with pytest.raises(SceneOutputError, match="already replayed by 'Others browser'"):
        checkOutputs(source, taken, None)
