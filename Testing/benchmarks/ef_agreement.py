"""How far the ejection fraction agrees with the one CAMUS carries, and the plot of Bland and Altman.

Usage: python -m Testing.benchmarks.ef_agreement CAMUS_FOLDER PLOT.png

The 50 patients of the validation subset. Expert masks of the two views show what the definitions differ by; the
network's masks of the four-chamber view what it adds. Two-chamber masks come from a squeezed copy and take the size of
the four-chamber frame.
"""

from __future__ import annotations

import csv
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from PointSegLib import CineClip, PointSegPredictor
from PointSegLib.errors import MeasurementError
from PointSegLib.io import list_patients, read_camus_frame
from PointSegLib.measurement.camus_compat import ViewMasks, camus_biplane
from PointSegLib.measurement.scale import Scale
from PointSegLib.measurement.silhouette import measure_silhouette
from PointSegLib.measurement.volumes import Phases, biplane_simpson, monoplane_simpson
from PointSegLib.reporting import Agreement, agreement_figure, save_figure

TITLES = {
    "disks": "Disks in A4C, expert masks",
    "network": "Disks in A4C, PointSeg's masks",
    "biplane": "Biplane disks, expert masks",
    "camus": "CAMUS's own way, expert masks",
}
SHOWN = ("disks", "network", "camus")
PHASES = ("ED", "ES")


def main(folder: Path, plot: Path) -> None:
    """Print one row per way, and draw three of them."""
    with (folder / "patients_info.csv").open(encoding="utf-8") as file:
        reference = {row["Patient"]: float(row["EF"]) for row in csv.DictReader(file)}
    predictor = PointSegPredictor.from_pretrained(device="cpu")
    two_chamber = np.load(folder / "camus_2ch_224.npz")
    squeezed = dict(zip(two_chamber["names"].tolist(), two_chamber["labels"], strict=True))
    found: dict[str, list[tuple[float, float]]] = {way: [] for way in TITLES}
    for patient in list_patients(folder, "validation"):
        for way, fraction in _fractions(folder, patient, squeezed, predictor):
            found[way].append((reference[patient], fraction))
    agreements = {way: Agreement(TITLES[way], *np.array(found[way]).T) for way in TITLES}
    print("| EF by | patients | mean absolute difference | bias | limits of agreement |")
    print("| --- | --- | --- | --- | --- |")
    for one in agreements.values():
        low, high = one.limits
        row = f"{one.mean_absolute:.1f} | {one.bias:+.1f} | {low:+.1f} to {high:+.1f} |"
        print(f"| {one.title} | {len(one.reference)} | {row}")
    save_figure(plot, agreement_figure([agreements[way] for way in SHOWN], "EF", "%"), dpi=100)


def _fractions(
    folder: Path, patient: str, squeezed: dict[str, np.ndarray], predictor: PointSegPredictor
) -> Iterator[tuple[str, float]]:
    """Each way and its ejection fraction; ways that cannot be gone are named on stderr and left out."""
    frames = {phase: read_camus_frame(folder, patient, "4CH", phase) for phase in PHASES}
    clip, expert = frames["ED"][0], [frames[phase][1] for phase in PHASES]
    scale = Scale.of(clip)
    height, width = squeezed[f"{patient}_2CH_ED"].shape
    other = Scale(scale.column * clip.size_wh[0] / width, scale.row * clip.size_wh[1] / height, "mm")
    second = [squeezed[f"{patient}_2CH_{phase}"] for phase in PHASES]

    def phases(masks: list[np.ndarray], of: Scale = scale) -> Phases:
        return Phases(*(measure_silhouette(mask, of) for mask in masks))

    def drawn() -> list[np.ndarray]:
        return [predictor(CineClip(frames[phase][0].frames)).labels[0] for phase in PHASES]

    ways = {
        "disks": lambda: monoplane_simpson(phases(expert)),
        "network": lambda: monoplane_simpson(phases(drawn())),
        "biplane": lambda: biplane_simpson(phases(expert), phases(second, other)),
        "camus": lambda: camus_biplane(ViewMasks(*expert, scale), ViewMasks(*second, other)),
    }
    for way, fraction in ways.items():
        try:
            yield way, fraction().ef_percent
        except MeasurementError as error:
            print(f"{patient}, {TITLES[way]}: left out: {error}", file=sys.stderr)


if __name__ == "__main__":
    main(*(Path(word) for word in sys.argv[1:3]))
