"""`Measurements`: what `measure` found in one clip, by beat, with the reason for whatever is missing."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from PointSegLib.measurement.areas import AreaCurve
from PointSegLib.measurement.curves import StrainCurve
from PointSegLib.measurement.cycle import Beat, Cycle
from PointSegLib.measurement.left_atrium import AtrialVolume, Atrium
from PointSegLib.measurement.motion import AnnularMotion, WallMotion
from PointSegLib.measurement.scale import Scale
from PointSegLib.measurement.silhouette import Silhouette
from PointSegLib.measurement.strain import WallStrain
from PointSegLib.measurement.trust import ClipTrust, SegmentTrust
from PointSegLib.measurement.volumes import Ejection, disk_volume
from PointSegLib.measurement.wall_lines import WallLines

_MM3_PER_ML = 1000.0
# GLS of points and GLS of contours that differ by more percentage points contradict each other: 19 of 20 simulated
# clips of held-out patients lie below 4 (`Testing.benchmarks.strain_accuracy`), a real clip that is followed well at
# 7.5, another whose points lose the wall at 16 (Docs/measurement.md).
CONTOURS_APART = 8.0


@dataclass(frozen=True, eq=False)
class CavityMeasurements:
    """LV cavity and left atrium in one beat. What is None could not be measured: `warnings` says why.

    Attributes:
        ed: the cavity at end-diastole.
        es: the cavity at end-systole.
        simpson: ejection by the method of disks in this one view.
        area_length: ejection by the area-length method.
        fractional_area_change: in percent, positive when the cavity empties.
        atrium: at end-systole, where it is largest.
        atrial_volume: by the area-length method in this one view.
        warnings: one sentence each.
    """

    ed: Silhouette | None = None
    es: Silhouette | None = None
    simpson: Ejection | None = None
    area_length: Ejection | None = None
    fractional_area_change: float | None = None
    atrium: Atrium | None = None
    atrial_volume: AtrialVolume | None = None
    warnings: tuple[str, ...] = field(default=())


@dataclass(frozen=True, eq=False)
class WallMeasurements:
    """The wall in one beat. Segments have the order of `strain.names` everywhere.

    Attributes:
        lines: that follow the tracked points; their geometry names annulus, apex and segments.
        strain: from these lines. Its `gls` is empty where too few segments can be trusted.
        layers: layer -> longitudinal strain of each segment along it.
        contours: strain from the contours of the masks of each frame, the baseline; None where the wall of
            end-diastole is unusable.
        annulus: excursion of the mitral annulus.
        ejection: of the space within the followed endocardium, see `ejection_of_line`; None where the line is lost.
        trust: the verdict on each segment.
        scores: the suggested wall-motion score of each segment, None where it is not trusted or not measured.
        dispersion_ms: mechanical dispersion over the segments of GLS, or None.
        warnings: one sentence each.
    """

    lines: WallLines
    strain: WallStrain
    layers: dict[str, tuple[StrainCurve, ...]]
    contours: WallStrain | None
    annulus: AnnularMotion
    ejection: Ejection | None
    trust: tuple[SegmentTrust, ...]
    scores: tuple[WallMotion | None, ...]
    dispersion_ms: float | None
    warnings: tuple[str, ...] = field(default=())

    @property
    def gls(self) -> float | None:
        """Global longitudinal strain at mid-wall and end-systole in percent, negative for shortening."""
        curve = self.strain.gls.get("mid")
        return None if curve is None else curve.end_systolic

    @property
    def contour_gls(self) -> float | None:
        """The same of the contours of the masks, which cannot see motion along the wall; all segments count."""
        return None if self.contours is None else self.contours.gls["mid"].end_systolic

    @property
    def less_contours(self) -> float | None:
        """GLS less that of the contours in percentage points, positive where the points shorten less; or None."""
        return None if self.gls is None or self.contour_gls is None else self.gls - self.contour_gls

    @property
    def contradicted(self) -> bool:
        """Whether points and contours are too far apart for GLS to be trusted. Agreement does not make them right."""
        return self.less_contours is not None and abs(self.less_contours) > CONTOURS_APART


@dataclass(frozen=True, eq=False)
class BeatMeasurements:
    """One beat.

    Attributes:
        beat: its frames.
        cavity: volumes and areas.
        wall: strain and motion, or None: `warnings` says why.
        warnings: of this beat, one sentence each.
    """

    beat: Beat
    cavity: CavityMeasurements
    wall: WallMeasurements | None
    warnings: tuple[str, ...] = field(default=())


@dataclass(frozen=True, eq=False)
class Measurements:
    """All that was measured in one clip.

    Attributes:
        source: where the clip came from.
        view: "A4C", "A2C", "A3C" or None when unknown.
        scale: size of a pixel; its unit is "px" without calibration, and there are then no volumes.
        times_s: float64 `[T]` seconds, or None when unknown.
        areas: label -> area curve.
        cycle: beats and heart rate.
        silhouettes: the LV cavity of each frame, None where it could not be measured.
        beats: in the order of `cycle.beats`.
        trust: what frame rate and calibration allow.
        insisted: whether segments that are not trusted are in GLS all the same.
        warnings: everything that limits the measurements, one sentence each; those of the beats included.
    """

    source: str
    view: str | None
    scale: Scale
    times_s: np.ndarray | None
    areas: dict[int, AreaCurve]
    cycle: Cycle
    silhouettes: tuple[Silhouette | None, ...]
    beats: tuple[BeatMeasurements, ...]
    trust: ClipTrust
    insisted: bool
    warnings: tuple[str, ...] = field(default=())

    def __len__(self) -> int:
        return len(self.silhouettes)

    @property
    def best(self) -> BeatMeasurements | None:
        """The beat to be quoted: whole and away from the clip's border before guessed, with GLS before without.

        Of several such beats it is the first; None when there is no beat.
        """
        if not self.beats:
            return None

        def merit(of: BeatMeasurements) -> tuple[bool, bool, bool]:
            has_gls = of.wall is not None and of.wall.gls is not None
            return of.beat.complete and not of.beat.at_border, of.beat.complete, has_gls

        return max(self.beats, key=merit)

    @property
    def volume_ml(self) -> np.ndarray | None:
        """LV volume float64 `[T]` by disks in this view, NaN in frames without a cavity; None without calibration."""
        if not self.scale.calibrated:
            return None
        return np.array([np.nan if s is None else disk_volume(s) / _MM3_PER_ML for s in self.silhouettes])
