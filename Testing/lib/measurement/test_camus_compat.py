"""The variant of CAMUS gives the fraction that the dataset carries, and differs from the guideline as it says."""

from __future__ import annotations

import csv

import numpy as np
import pytest
from lib.measurement.ventricles import SCALE, Ventricle

from PointSegLib.errors import MeasurementError
from PointSegLib.io.camus import read_camus_frame
from PointSegLib.measurement.camus_compat import ViewMasks, camus_biplane
from PointSegLib.measurement.scale import Scale

ED, ES = Ventricle(84.0, 24.0), Ventricle(70.0, 18.0)


def masks(ed: Ventricle = ED, es: Ventricle = ES, scale: Scale = SCALE) -> ViewMasks:
    return ViewMasks(ed.labels(scale), es.labels(scale), scale)


def test_ventricle_does_not_shorten_in_the_variant_of_camus():
    found = camus_biplane(masks(), masks())
    assert found.ef_percent == pytest.approx(100.0 * (1.0 - (18.0 / 24.0) ** 2), abs=1.5)
    assert found.esv_ml == pytest.approx(ES.volume_ml * 84.0 / 70.0, rel=0.06)


def test_shape_of_a_pixel_does_not_matter():
    narrow = masks(scale=Scale(0.35, 0.7, "mm"))
    assert camus_biplane(narrow, masks()).ef_percent == pytest.approx(
        camus_biplane(masks(), masks()).ef_percent, abs=1.0
    )


def test_millimetres_are_asked_for():
    with pytest.raises(MeasurementError, match="spacing"):
        camus_biplane(masks(), ViewMasks(ED.labels(), ES.labels(), Scale()))


def test_fractions_of_the_dataset_are_met(camus_folder):
    """The two-chamber masks lost their shape; they take the size of the four-chamber frame. Measured: 0.94 over 50."""
    with (camus_folder / "patients_info.csv").open(encoding="utf-8") as file:
        reference = {row["Patient"]: float(row["EF"]) for row in csv.DictReader(file)}
    two_chamber = np.load(camus_folder / "camus_2ch_224.npz")
    squeezed = dict(zip(two_chamber["names"].tolist(), two_chamber["labels"], strict=True))
    error = []
    for patient in (camus_folder / "subgroup_validation.txt").read_text(encoding="utf-8").split()[:12]:
        clip, _ = read_camus_frame(camus_folder, patient, "4CH", "ED")
        ed, es = (read_camus_frame(camus_folder, patient, "4CH", phase)[1] for phase in ("ED", "ES"))
        a4c = ViewMasks(ed, es, Scale.of(clip))
        pair = [squeezed[f"{patient}_2CH_{phase}"] for phase in ("ED", "ES")]
        height, width = pair[0].shape
        scale = Scale(a4c.scale.column * ed.shape[1] / width, a4c.scale.row * ed.shape[0] / height, "mm")
        error.append(camus_biplane(a4c, ViewMasks(pair[0], pair[1], scale)).ef_percent - reference[patient])
    assert np.abs(error).mean() < 1.5
    assert abs(np.mean(error)) < 1.2
