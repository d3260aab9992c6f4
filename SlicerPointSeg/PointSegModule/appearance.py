"""How results look in Slicer: segments with their SNOMED codes and colours, trajectory colours."""

from __future__ import annotations

from dataclasses import dataclass

from PointSegLib.result import LABEL_NAMES, LEFT_ATRIUM, LV_CAVITY, MYOCARDIUM

TERMINOLOGY_CONTEXT = "Segmentation category and type - PointSeg"
ANATOMIC_CONTEXT = "Anatomic codes - DICOM master list"


@dataclass(frozen=True)
class SegmentStyle:
    """One segment of the result.

    Attributes:
        segmentId: the same in every frame, and what scripts ask for.
        label: its value in `PointSegResult.labels`.
        color: red, green, blue in 0..1.
        fillOpacity: of the area in slice views; the outline is always opaque.
        snomedCode: SNOMED CT concept of the structure.
        snomedMeaning: the concept's name.
    """

    segmentId: str
    label: int
    color: tuple[float, float, float]
    fillOpacity: float
    snomedCode: str
    snomedMeaning: str

    @property
    def name(self) -> str:
        return LABEL_NAMES[self.label]

    @property
    def terminology(self) -> str:
        """The entry in Slicer's notation: context, category, type, modifier, and an empty anatomic region."""
        return "~".join(
            (
                TERMINOLOGY_CONTEXT,
                "SCT^123037004^Anatomical Structure",
                f"SCT^{self.snomedCode}^{self.snomedMeaning}",
                "^^",
                ANATOMIC_CONTEXT,
                "^^",
                "^^",
            )
        )


# The colours are those of the movie `PointSegLib.write_overlay` writes.
SEGMENTS = (
    SegmentStyle("Myocardium", MYOCARDIUM, (0.28, 0.82, 0.59), 0.30, "74281007", "Myocardium"),
    SegmentStyle("LVCavity", LV_CAVITY, (1.00, 0.39, 0.36), 0.14, "87878005", "Left ventricle"),
    SegmentStyle("LeftAtrium", LEFT_ATRIUM, (0.37, 0.62, 1.00), 0.14, "82471001", "Left atrium"),
)

POINT_COLOR = (1.0, 0.85, 0.10)
OTHER_POINT_COLOR = (0.42, 0.50, 0.56)

# Distinct beside each other and readable on grey: after Okabe and Ito's palette, without its black.
TRAJECTORY_COLORS = (
    (1.00, 0.75, 0.10),
    (0.40, 0.80, 1.00),
    (1.00, 0.50, 0.75),
    (0.60, 1.00, 0.45),
    (1.00, 0.55, 0.20),
    (0.75, 0.65, 1.00),
    (0.95, 0.95, 0.40),
    (0.45, 1.00, 0.90),
)

# Slicer's own colours: bright on grey images throughout; of strain, red is what shortens, as on echo machines.
PATH_COLORS = {
    "displacement": "vtkMRMLColorTableNodeIron",
    "speed": "vtkMRMLColorTableNodeIron",
    "strain": "vtkMRMLColorTableNodeRainbow",
}
