"""Files of results: they read back as what is in the scene, and appear wholly or not at all."""

from __future__ import annotations

import csv
import errno
from pathlib import Path

import numpy as np
import pytest
import slicer
from mrml import cines
from mrml.beating_heart import KnowsTheHeart, beatingCine, segmentedHeart
from mrml.test_measuring import a4c, rowsOf

from PointSegLib.errors import DependencyError, WriteError


def choice(**what):
    from PointSegModule.exporting import ExportChoice

    return ExportChoice(**what)


def ijkToRas(volume):
    matrix = cines.vtkMatrix(np.eye(4))
    volume.GetIJKToRASMatrix(matrix)
    return slicer.util.arrayFromVTKMatrix(matrix)


def loadedBy(storage, className, file):
    node = slicer.mrmlScene.AddNewNodeByClass(className)
    slicer.mrmlScene.AddNode(storage)
    storage.SetFileName(str(file))
    assert storage.ReadData(node)
    return node


def test_sequence_of_labels_loads_where_the_images_are(processor, tmp_path):
    output = segmentedHeart(processor)
    (file,) = processor.export(tmp_path, choice(tables=False))
    assert file.name == "Heart labels.seq.nrrd"
    sequence = loadedBy(slicer.vtkMRMLVolumeSequenceStorageNode(), "vtkMRMLSequenceNode", file)
    assert sequence.GetIndexUnit() == "s"
    for frame in (0, 11, 43):
        node = sequence.GetNthDataNode(frame)
        assert node.GetClassName() == "vtkMRMLLabelMapVolumeNode"
        assert (slicer.util.arrayFromVolume(node)[0] == output.result.labels[frame]).all()
        assert float(sequence.GetNthIndexValue(frame)) == pytest.approx(0.025 * frame)
        image = output.imageSequence.GetNthDataNode(frame)
        assert ijkToRas(node) == pytest.approx(ijkToRas(image))


def test_all_kinds_of_files_hold_what_is_in_the_scene(processor, tmp_path):
    import SimpleITK as sitk  # noqa: N813

    output = segmentedHeart(processor)
    results = processor.measure(a4c())
    files = processor.export(tmp_path, choice(labels=("nii.gz", "nrrd"), frames=(0, 11)))
    assert sorted(files) == sorted(tmp_path.iterdir())
    assert [file.name for file in files] == [
        "Heart labels.nii.gz",
        "Heart labels.nrrd",
        "Heart frame 0.seg.nrrd",
        "Heart frame 0 points.mrk.json",
        "Heart frame 11.seg.nrrd",
        "Heart frame 11 points.mrk.json",
        "Heart tracks.csv",
        "Heart beats.csv",
        "Heart segments.csv",
        "Heart frames.csv",
    ]
    for file in files[:2]:
        assert (sitk.GetArrayFromImage(sitk.ReadImage(str(file))) == output.result.labels).all()
    segmentation = loadedBy(slicer.vtkMRMLSegmentationStorageNode(), "vtkMRMLSegmentationNode", files[4])
    assert segmentation.GetSegmentation().GetSegmentIDs() == ("Myocardium", "LVCavity", "LeftAtrium")
    assert (cines.labelsOf(segmentation, output.imageNode) == output.result.labels[11]).all()
    points = loadedBy(slicer.vtkMRMLMarkupsJsonStorageNode(), "vtkMRMLMarkupsFiducialNode", files[5])
    stored = output.pointsSequence.GetNthDataNode(11)
    assert slicer.util.arrayFromMarkupsControlPoints(points) == pytest.approx(
        slicer.util.arrayFromMarkupsControlPoints(stored), abs=1e-4
    )
    with files[7].open(newline="", encoding="utf-8") as file:
        written = list(csv.DictReader(file))
    assert [float(row["ef_simpson_percent"]) for row in written] == [
        row["ef_simpson_percent"] for row in rowsOf(results.beats)
    ]


def test_files_are_replaced_only_when_that_is_allowed(processor, tmp_path):
    segmentedHeart(processor)
    (file,) = processor.export(tmp_path, choice(tables=False))
    file.write_bytes(b"mine")
    with pytest.raises(WriteError, match=r"already has Heart labels\.seq\.nrrd; choose another folder"):
        processor.export(tmp_path, choice(tables=False))
    assert file.read_bytes() == b"mine"
    processor.export(tmp_path, choice(tables=False), overwrite=True)
    assert file.read_bytes() != b"mine"


def test_a_failure_leaves_no_file_behind(processor, tmp_path, monkeypatch):
    from PointSegLib.io import tracks

    def fails(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    segmentedHeart(processor)
    monkeypatch.setattr(tracks.csv, "writer", fails)
    with pytest.raises(WriteError, match="No space left on device"):
        processor.export(tmp_path, choice())
    assert not list(tmp_path.iterdir())


def test_cancelling_leaves_no_file_behind(processor, tmp_path):
    from PointSegModule.engines import ProcessingCancelledError

    segmentedHeart(processor)
    run = processor.export(tmp_path, choice(), waitForCompletion=False)
    run.poll()
    assert list(tmp_path.iterdir())
    run.cancel()
    run.wait()
    with pytest.raises(ProcessingCancelledError):
        run.poll()
    assert not list(tmp_path.iterdir())


def test_a_folder_that_cannot_be_written_is_named(processor, tmp_path, monkeypatch):
    segmentedHeart(processor)
    with pytest.raises(WriteError, match="nowhere does not exist; create it first"):
        processor.export(tmp_path / "nowhere")

    def refuses(*_, **__):
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(Path, "touch", refuses)
    with pytest.raises(WriteError, match=r"cannot be written \(Permission denied\); choose a folder you may write to"):
        processor.export(tmp_path)


def test_masks_that_changed_since_are_not_written_beside_old_tables(processor, tmp_path):
    output = segmentedHeart(processor)
    processor.measure(a4c())
    empty = np.zeros_like(slicer.util.arrayFromVolume(output.imageNode))
    slicer.util.updateSegmentBinaryLabelmapFromArray(empty, output.segmentation, "LVCavity", output.imageNode)
    with pytest.raises(WriteError, match="'Heart' was changed since it was measured; measure it again"):
        processor.export(tmp_path)
    assert not list(tmp_path.iterdir())
    processor.export(tmp_path, choice(tables=False))


def test_a_movie_without_its_package_says_so(processor, tmp_path, monkeypatch):
    import sys

    segmentedHeart(processor)
    monkeypatch.setitem(sys.modules, "av", None)
    with pytest.raises(DependencyError, match="pip install"):
        processor.export(tmp_path, choice(movie=True))
    assert not list(tmp_path.iterdir())


def test_a_frame_that_was_not_segmented_is_refused(processor, tmp_path):
    from PointSegLib.errors import PointError
    from PointSegModule.logic import ProcessSettings

    browser, result = beatingCine(8)
    processor.process(browser, predictor=KnowsTheHeart(result, 2), settings=ProcessSettings(firstFrame=2))
    with pytest.raises(PointError, match="Frame 1 was not segmented"):
        processor.export(tmp_path, choice(frames=(1,)))
