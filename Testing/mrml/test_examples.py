"""The scripts of Docs/examples do what the documentation says, in a real scene."""

from __future__ import annotations

import contextlib
import functools
import importlib.util
import re
import shutil
import sys
import types
from pathlib import Path

import numpy as np
import pytest
import slicer
from mrml import cines
from mrml.headless_slicer import newSequenceBrowser

DOCS = Path(__file__).resolve().parents[2] / "Docs"
EXAMPLES = DOCS / "examples"
BLOCKS = re.findall(
    r"^```python\n(.*?)^```", (DOCS / "slicer.md").read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL
)
KINDS = (".mrb", ".labels.nrrd", ".tracks.csv")


@pytest.fixture
def example(scene, monkeypatch):
    """Imports an example by its name, in a scene whose logic runs a quick double of the network."""
    import PointSeg
    from mrml.fake_predictor import FakePredictor

    quick = functools.partialmethod(PointSeg.PointSegLogic.process, predictor=FakePredictor())
    monkeypatch.setattr(PointSeg.PointSegLogic, "process", quick)

    def load(name):
        spec = importlib.util.spec_from_file_location(name, EXAMPLES / f"{name}.py")
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return module

    return load


@pytest.fixture
def sequenceFile(scene, tmp_path):
    """A folder with one .seq.nrrd, as Slicer writes it."""
    folder = tmp_path / "input"
    folder.mkdir()
    storage = slicer.vtkMRMLVolumeSequenceStorageNode()
    storage.SetFileName(str(folder / "echo.seq.nrrd"))
    assert storage.WriteData(cines.imageSequence(cines.speckle()))
    return folder


def test_files_of_a_folder_become_scenes_labels_and_tracks(example, sequenceFile, tmp_path, capsys):
    assert example("segment_files").segment_folder(sequenceFile, tmp_path / "output") == []
    assert {file.name for file in (tmp_path / "output").iterdir()} == {f"echo.seq.nrrd{kind}" for kind in KINDS}
    assert f"echo.seq.nrrd: {cines.FRAMES} frames" in capsys.readouterr().out
    slicer.mrmlScene.Clear(False)
    assert slicer.mrmlScene.ReadFromMRB(str(tmp_path / "output" / "echo.seq.nrrd.mrb"))
    browser = slicer.mrmlScene.GetFirstNodeByClass("vtkMRMLSequenceBrowserNode")
    assert browser.GetMasterSequenceNode().GetNumberOfDataNodes() == cines.FRAMES


def test_a_dicom_file_needs_no_database(example, echo_dicom, tmp_path):
    (tmp_path / "input").mkdir()
    shutil.copy(echo_dicom, tmp_path / "input" / "cine.dcm")
    assert example("segment_files").segment_folder(tmp_path / "input", tmp_path / "output") == []
    assert (tmp_path / "output" / "cine.dcm.mrb").is_file()


def test_a_bad_file_is_named_and_the_others_are_done(example, sequenceFile, tmp_path):
    (sequenceFile / "broken.dcm").write_bytes(b"no image")
    (failure,) = example("segment_files").segment_folder(sequenceFile, tmp_path / "output")
    assert "broken.dcm" in failure
    assert (tmp_path / "output" / "echo.seq.nrrd.mrb").is_file()


@pytest.fixture
def dicomModule(monkeypatch):
    """Slicer's DICOMUtils over a database of one patient, whose cine arrives as Slicer's importer makes it."""
    imported = []

    class Utils:
        @staticmethod
        @contextlib.contextmanager
        def TemporaryDICOMDatabase():
            yield types.SimpleNamespace(patients=lambda: ["1"])

        @staticmethod
        def importDicom(folder, database):
            imported.append(folder)

        @staticmethod
        def loadPatientByUID(patient):
            browser = newSequenceBrowser(cines.imageSequence(cines.speckle(channels=3)))
            return [browser.GetProxyNode(browser.GetMasterSequenceNode()).GetID()]

    monkeypatch.setitem(sys.modules, "DICOMLib", types.SimpleNamespace(DICOMUtils=Utils))
    return imported


def test_cines_of_slicers_dicom_database_are_segmented(example, dicomModule, tmp_path):
    assert example("segment_dicom_database").segment_database(tmp_path, tmp_path / "output") == 1
    assert dicomModule == [str(tmp_path)]
    slicer.mrmlScene.Clear(False)
    assert slicer.mrmlScene.ReadFromMRB(str(tmp_path / "output" / "patient_1.mrb"))
    segmentation = slicer.mrmlScene.GetFirstNodeByClass("vtkMRMLSegmentationNode")
    wall = slicer.util.arrayFromSegmentBinaryLabelmap(segmentation, "Myocardium")
    assert np.any(wall)


def test_the_console_lines_of_the_guide_run_as_they_are_written(example, echo_dicom, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    shutil.copy(echo_dicom, "echo.dcm")
    assert len(BLOCKS) == 4
    console = {"slicer": slicer}
    for block in BLOCKS:
        exec(block, console)
    printed = capsys.readouterr().out
    assert "pixels of myocardium in frame 12" in printed
    assert "positions, shown by" in printed
    assert "No beat was found" in printed, "the double's heart does not beat"
    assert {file.suffix for file in console["files"]} == {".nrrd", ".gz", ".json", ".csv"}
    assert console["output"].segmentation.GetName() == "Echo segmentation"
