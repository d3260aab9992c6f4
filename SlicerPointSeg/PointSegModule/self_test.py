"""The module's self-test inside Slicer, with a stand-in for the network and a small movie. Never used for results."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import slicer

from PointSegLib.clip import CineClip
from PointSegLib.errors import PointSegError
from PointSegLib.result import MYOCARDIUM, PointSegResult, PointTracks
from PointSegModule.clip_loading import addClip
from PointSegModule.logic import CineProcessor

FRAMES, SIDE = 4, 48


class BrightestHalf:
    """Calls every pixel of 128 or more myocardium, and lets one point stand still."""

    def __call__(self, clip: CineClip, points: Any = None, progress: Any = None) -> PointSegResult:
        if progress is not None:
            progress(len(clip), len(clip))
        labels = np.where(clip.frames >= 128, MYOCARDIUM, 0).astype(np.uint8)
        tracks = PointTracks(
            xy=np.full((1, len(clip), 2), SIDE / 2, np.float32),
            visible=np.ones((1, len(clip)), bool),
            confidence=np.ones((1, len(clip)), np.float32),
            is_prompt=np.zeros(1, bool),
            queries=np.array([[0, SIDE / 2, SIDE / 2]], np.float32),
        )
        return PointSegResult(labels=labels, tracks=tracks)


def testFrames() -> np.ndarray:
    """uint8 `[T, H, W]`: a bright disc that moves."""
    y, x = np.mgrid[:SIDE, :SIDE]
    discs = [np.hypot(x - 16 - 4 * frame, y - 24) < 10 for frame in range(FRAMES)]
    return np.where(discs, 200, 40).astype(np.uint8)


def newTestSequence() -> Any:
    """A sequence of small images in which a bright disc moves, without browser."""
    sequence = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSequenceNode", "PointSeg test")
    sequence.SetIndexName("time")
    sequence.SetIndexUnit("s")
    for frame, image in enumerate(testFrames()):
        volume = slicer.vtkMRMLScalarVolumeNode()
        slicer.util.updateVolumeFromArray(volume, image[np.newaxis])
        sequence.SetDataNodeAtValue(volume, f"{0.04 * frame:.2f}")
    return sequence


class SceneSelfTests:
    """Methods for the module's test class: what happens to a scene, without PyTorch, data or a window."""

    def test_a_clip_is_calibrated_and_plays(self) -> None:
        browser = addClip(CineClip(testFrames(), spacing_mm=(0.5, 0.25), times_s=0.04 * np.arange(FRAMES)), "Clip")
        image = browser.GetProxyNode(browser.GetMasterSequenceNode())
        assert np.allclose(image.GetSpacing(), (0.25, 0.5, 1.0))
        for frame, expected in enumerate(testFrames()):
            browser.SetSelectedItemNumber(frame)
            assert (slicer.util.arrayFromVolume(image)[0] == expected).all()

    def test_a_volume_of_frames_becomes_a_sequence(self) -> None:
        volume = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "Stack")
        slicer.util.updateVolumeFromArray(volume, testFrames())
        output = CineProcessor().process(volume, predictor=BrightestHalf())
        assert output.imageSequence.GetNumberOfDataNodes() == FRAMES
        self._assertSegmented(output.browser, output.imageNode, output.segmentation)

    def test_points_play_with_the_images(self) -> None:
        output = CineProcessor().process(newTestSequence(), predictor=BrightestHalf())
        assert output.browser.GetSequenceNode(output.points) is output.pointsSequence
        assert output.pointsSequence.GetNumberOfDataNodes() == FRAMES
        assert output.points.GetNumberOfControlPoints() == 1

    def test_an_input_of_the_wrong_kind_is_refused(self) -> None:
        labelmap = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLLabelMapVolumeNode", "Labels")
        before = slicer.mrmlScene.GetNumberOfNodes()
        message = "a labelmap was taken for a movie"
        try:
            CineProcessor().process(labelmap, predictor=BrightestHalf())
        except PointSegError as error:
            message = str(error)
        assert "is a labelmap, not an ultrasound image" in message
        assert slicer.mrmlScene.GetNumberOfNodes() == before

    def test_running_again_replaces_the_result(self) -> None:
        first = CineProcessor().process(newTestSequence(), predictor=BrightestHalf())
        before = slicer.mrmlScene.GetNumberOfNodes()
        again = CineProcessor().process(first.browser, first.segmentation, first.points, predictor=BrightestHalf())
        assert again.segmentation is first.segmentation
        assert slicer.mrmlScene.GetNumberOfNodes() == before

    def test_a_movie_without_a_beat_is_measured_and_says_so(self) -> None:
        processor = CineProcessor()
        processor.process(newTestSequence(), predictor=BrightestHalf())
        results = processor.measure()
        assert results.frames.GetNumberOfRows() == FRAMES
        assert results.beats is None
        assert processor.measured.warnings

    def test_a_saved_scene_holds_the_result(self) -> None:
        output = CineProcessor().process(newTestSequence(), predictor=BrightestHalf())
        name = output.segmentationSequence.GetName()
        with tempfile.TemporaryDirectory() as folder:
            file = str(Path(folder) / "scene.mrb")
            assert slicer.mrmlScene.WriteToMRB(file)
            slicer.mrmlScene.Clear(False)
            assert slicer.mrmlScene.ReadFromMRB(file)
        browser = slicer.mrmlScene.GetFirstNodeByClass("vtkMRMLSequenceBrowserNode")
        image = browser.GetProxyNode(browser.GetMasterSequenceNode())
        segmentation = browser.GetProxyNode(slicer.mrmlScene.GetFirstNode(name, "vtkMRMLSequenceNode"))
        self._assertSegmented(browser, image, segmentation)

    def _assertSegmented(self, browser: Any, image: Any, segmentation: Any) -> None:
        for frame in range(FRAMES):
            browser.SetSelectedItemNumber(frame)
            bright = slicer.util.arrayFromVolume(image) >= 128
            wall = slicer.util.arrayFromSegmentBinaryLabelmap(segmentation, "Myocardium", image)
            assert (bright == (wall > 0)).all(), f"frame {frame}"
