"""What the panel remembers with the scene."""

import enum

from slicer import vtkMRMLMarkupsFiducialNode, vtkMRMLScalarVolumeNode, vtkMRMLSegmentationNode
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


@parameterNodeWrapper
class PointSegParameterNode:
    """The typed parameter node of the module.

    Attributes:
        inputVolume: the proxy of an image sequence, or a volume whose slices are frames.
        promptPoints: the user's query points, or None.
        outputSegmentation, outputPoints: where results are shown; made when None.
        device: where the network runs.
    """

    inputVolume: vtkMRMLScalarVolumeNode
    promptPoints: vtkMRMLMarkupsFiducialNode
    outputSegmentation: vtkMRMLSegmentationNode
    outputPoints: vtkMRMLMarkupsFiducialNode
    device: Device = Device.AUTO
