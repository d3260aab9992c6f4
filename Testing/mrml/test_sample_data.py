"""The sample clips: had without a network, told apart from patients' data, and registered as Slicer expects."""

from __future__ import annotations

import dataclasses
import importlib.machinery
import socket
import sys
import types

import numpy as np
import pytest
import slicer

from PointSegLib.errors import DependencyError, ReadError


@pytest.fixture
def samples(scene):
    from PointSegModule import sample_data

    return sample_data


@pytest.fixture
def noNetwork(monkeypatch):
    def refuse(*_address):
        raise OSError("this test has no network")

    monkeypatch.setattr(socket.socket, "connect", refuse)


def namesOf(samples):
    return [sample.name for sample in samples.SAMPLES]


@pytest.fixture(scope="session")
def simulatedClip(headless):
    """Made once: it takes the time of a rendering."""
    pytest.importorskip("torch")
    from PointSegModule import sample_data

    return sample_data.simulatedClip()


@pytest.fixture
def simulated(samples, simulatedClip):
    return dataclasses.replace(samples.SAMPLES[0], clip=lambda: simulatedClip)


@pytest.fixture
def pydicomCine(samples, noNetwork, echo_dicom):
    return samples.SAMPLES[1]


def test_simulated_heart_plays_in_the_scene(simulated):
    (image,) = simulated.load()
    browser = slicer.modules.sequences.logic().GetFirstBrowserNodeForProxyNode(image)
    assert image.GetName() == simulated.name
    shown = []
    for frame in (0, 12):
        browser.SetSelectedItemNumber(frame)
        shown.append(slicer.util.arrayFromVolume(image).astype(float))
    assert np.abs(shown[0] - shown[1]).mean() > 2, "the heart moves"


def test_simulated_heart_is_calibrated_in_space_and_time(simulated):
    from PointSegModule.scene_input import findCine, readClip

    clip = readClip(findCine(simulated.load()[0]))
    assert clip.spacing_mm is not None
    assert clip.frame_rate_hz == pytest.approx(57.4, abs=0.1)
    assert clip.warnings == ()


def test_simulated_heart_without_torch_says_what_to_install(samples, monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    monkeypatch.setitem(sys.modules, "PyTorchUtils", None)
    before = slicer.mrmlScene.GetNumberOfNodes()
    with pytest.raises(DependencyError, match="Install the extension PyTorch"):
        samples.SAMPLES[0].load()
    assert slicer.mrmlScene.GetNumberOfNodes() == before


def test_cine_of_pydicom_reaches_the_scene_unchanged(pydicomCine, echo_dicom):
    from PointSegLib import read_clip
    from PointSegModule.scene_input import findCine, readClip

    original = read_clip(echo_dicom)
    clip = readClip(findCine(pydicomCine.load()[0]))
    assert len(clip) == 30
    assert (clip.frames == original.frames).all()
    assert clip.spacing_mm == pytest.approx(original.spacing_mm)


def test_pydicom_without_its_examples_is_explained(samples, monkeypatch, tmp_path):
    spec = importlib.machinery.ModuleSpec("pydicom", None, origin=str(tmp_path / "__init__.py"))
    monkeypatch.setattr(samples.importlib.util, "find_spec", lambda name: spec)
    with pytest.raises(ReadError, match=r"examples_ybr_color\.dcm; versions from 3\.0 on bring it along"):
        samples.SAMPLES[1].load()


class OlderSampleData:
    """Registers with the parameters of Slicer 5.10's SampleDataLogic, and makes the demands its sources make."""

    sources: list[types.SimpleNamespace]
    categories: list[str]

    @classmethod
    def registerCustomSampleDataSource(
        cls,
        category="Custom",
        sampleName=None,
        uris=None,
        fileNames=None,
        nodeNames=None,
        customDownloader=None,
        thumbnailFileName=None,
        loadFileType="VolumeFile",
        loadFiles=None,
        loadFileProperties={},  # noqa: B006  (as in Slicer)
        checksums=None,
    ):
        assert all(isinstance(text, str) and text for text in (category, sampleName, uris, fileNames, nodeNames))
        cls.sources.append(types.SimpleNamespace(**{k: v for k, v in locals().items() if k != "cls"}))


class NewerSampleData(OlderSampleData):
    """Slicer from 5.12 has titles of categories, too."""

    @classmethod
    def registerCustomSampleDataCategory(cls, category, title):
        cls.categories.append(title)


@pytest.fixture(params=[OlderSampleData, NewerSampleData])
def registered(request, samples, monkeypatch):
    """(the class that registered, what was registered)."""
    logic = request.param
    monkeypatch.setattr(logic, "sources", [], raising=False)
    monkeypatch.setattr(logic, "categories", [], raising=False)
    monkeypatch.setitem(sys.modules, "SampleData", types.SimpleNamespace(SampleDataLogic=logic))
    samples.registerSampleData()
    return logic, logic.sources


def test_each_sample_gets_a_button(registered, samples):
    logic, sources = registered
    assert [source.sampleName for source in sources] == namesOf(samples)
    assert {source.category for source in sources} == {"PointSeg"}
    assert logic.categories == (["PointSeg"] if logic is NewerSampleData else [])


def test_no_address_is_registered_that_somebody_could_download(registered):
    assert all(source.uris.startswith("pointseg:") for source in registered[1])


def test_a_click_on_the_button_loads_the_clip(registered, echo_dicom):
    source = registered[1][1]
    (image,) = source.customDownloader(source)
    assert slicer.mrmlScene.IsNodePresent(image)


def test_slicer_without_sample_data_starts_all_the_same(samples, monkeypatch):
    monkeypatch.setitem(sys.modules, "SampleData", None)
    samples.registerSampleData()


@pytest.mark.parametrize("made", ["simulated", "pydicomCine"])
def test_thumbnail_shows_the_clip_it_stands_for(request, samples, made):
    """Also the test that the simulated clip is the same in each call and on each machine."""
    images = pytest.importorskip("PIL.Image")
    import thumbnails

    sample = request.getfixturevalue(made)
    kept = images.open(samples.THUMBNAILS / sample.thumbnail)
    assert kept.format == "PNG"
    assert kept.size == thumbnails.SIZE
    again = np.asarray(thumbnails.thumbnail(sample.clip()), float)
    assert np.abs(np.asarray(kept, float) - again).mean() < 1, "draw it again: python Testing/thumbnails.py"
