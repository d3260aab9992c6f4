"""What the panel remembers with the scene."""

import enum

from slicer import (
    vtkMRMLMarkupsFiducialNode,
    vtkMRMLMarkupsLineNode,
    vtkMRMLMarkupsNode,
    vtkMRMLScalarVolumeNode,
    vtkMRMLSegmentationNode,
)
from slicer.i18n import tr as _
from slicer.parameterNodeWrapper import parameterNodeWrapper


class Device(enum.Enum):
    """Where the network runs. Saved by name: renaming one breaks saved scenes."""

    AUTO = "auto"
    CPU = "cpu"
    CUDA = "cuda"
    MPS = "mps"

    def label(self) -> str:
        """The text of the combo box."""
        return {
            Device.AUTO: _("Automatic"),
            Device.CPU: _("Processor"),
            Device.CUDA: _("NVIDIA graphics card"),
            Device.MPS: _("Apple graphics"),
        }[self]


class PathColor(enum.Enum):
    """What trails of tracked points are coloured by. Saved by name: renaming one breaks saved scenes."""

    DISPLACEMENT = "displacement"
    SPEED = "speed"
    STRAIN = "strain"

    def label(self) -> str:
        """The text of the combo box."""
        return {
            PathColor.DISPLACEMENT: _("Displacement"),
            PathColor.SPEED: _("Speed"),
            PathColor.STRAIN: _("Strain of a curve"),
        }[self]


class View(enum.Enum):
    """The apical view of a movie. Saved by name: renaming one breaks saved scenes."""

    UNKNOWN = "unknown"
    A4C = "A4C"
    A2C = "A2C"
    A3C = "A3C"

    def label(self) -> str:
        """The text of the combo box."""
        return {
            View.UNKNOWN: _("Unknown"),
            View.A4C: _("Apical four-chamber (A4C)"),
            View.A2C: _("Apical two-chamber (A2C)"),
            View.A3C: _("Apical long-axis (A3C)"),
        }[self]


class ExportFrames(enum.Enum):
    """Frames that are exported one by one. Saved by name: renaming one breaks saved scenes."""

    NONE = "none"
    SHOWN = "shown"
    BEATS = "beats"
    ALL = "all"

    def label(self) -> str:
        """The text of the combo box."""
        return {
            ExportFrames.NONE: _("None"),
            ExportFrames.SHOWN: _("The frame now shown"),
            ExportFrames.BEATS: _("End-diastole and end-systole"),
            ExportFrames.ALL: _("All"),
        }[self]


@parameterNodeWrapper
class PointSegParameterNode:
    """The typed parameter node of the module.

    Attributes:
        inputVolume: the proxy of an image sequence, or a volume whose slices are frames.
        firstFrame, lastFrame: what to segment; -1 stands for the movie's last frame.
        ruler: a line of known length on the image, or None; `rulerLengthMm`: its length, 0 when not known.
        depthCm: of the detected sector, from top to bottom; 0 when not known.
        segmentMyocardium, segmentCavity, segmentAtrium: which structures to write.
        promptPoints: the user's query points, or None.
        outputSegmentation, outputPoints: where results are shown; made when None.
        modelFile: of the network; empty for the embedded one.
        device: where the network runs.
        gridSize: automatic points across and down the sector, 0 for as many as the network was trained with.
        smoothingFrames: standard deviation of the smoothing of masks over time; 0 for none.
        keepFinishedFrames: whether a cancelled run leaves what it has finished.
        corrections: the clicks on the output, or None.
        falloffFrames: how far an edited frame reaches.
        trackPoints: points or a curve to follow through a movie that was segmented, or None.
        curvePoints: so many evenly spaced points stand for a curve; below 2, its control points.
        trailFrames: trails go back so many frames.
        pathColor: what trails are coloured by.
        view, mirrored: the apical view, and whether the display shows left and right exchanged.
        otherView: the segmentation of the same heart's other view, or None.
        correctDrift, insist: as in `MeasureSettings`.
        exportSequence, exportNifti, exportTables, exportMovie, exportFrames: which files to write.
    """

    inputVolume: vtkMRMLScalarVolumeNode
    firstFrame: int = 0
    lastFrame: int = -1
    ruler: vtkMRMLMarkupsLineNode
    rulerLengthMm: float = 0.0
    depthCm: float = 0.0
    segmentMyocardium: bool = True
    segmentCavity: bool = True
    segmentAtrium: bool = True
    promptPoints: vtkMRMLMarkupsFiducialNode
    outputSegmentation: vtkMRMLSegmentationNode
    outputPoints: vtkMRMLMarkupsFiducialNode
    modelFile: str = ""
    device: Device = Device.AUTO
    gridSize: int = 0
    smoothingFrames: float = 0.0
    keepFinishedFrames: bool = False
    corrections: vtkMRMLMarkupsFiducialNode
    falloffFrames: int = 5
    trackPoints: vtkMRMLMarkupsNode
    curvePoints: int = 15
    trailFrames: int = 10
    pathColor: PathColor = PathColor.DISPLACEMENT
    view: View = View.UNKNOWN
    mirrored: bool = False
    otherView: vtkMRMLSegmentationNode
    correctDrift: bool = True
    insist: bool = False
    exportSequence: bool = True
    exportNifti: bool = False
    exportTables: bool = True
    exportMovie: bool = False
    exportFrames: ExportFrames = ExportFrames.NONE
