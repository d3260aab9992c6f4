"""PointSeg, a 3D Slicer module: segments the heart muscle in ultrasound movies and follows its tissue points."""

from __future__ import annotations

import logging
import sys
import time

import slicer
import vtk
from slicer.i18n import tr as _
from slicer.i18n import translate
from slicer.ScriptedLoadableModule import (
    ScriptedLoadableModule,
    ScriptedLoadableModuleLogic,
    ScriptedLoadableModuleTest,
    ScriptedLoadableModuleWidget,
)
from slicer.util import VTKObservationMixin

from PointSegModule.dependencies import offerInstallation
from PointSegModule.logic import BackgroundRun, CineProcessor, PointSegError, Predictor, ProcessingCancelledError
from PointSegModule.parameters import PointSegParameterNode
from PointSegModule.scene_input import findCine
from PointSegModule.scene_output import SceneOutput, checkOutputs

POLL_INTERVAL_MS = 50


class PointSeg(ScriptedLoadableModule):
    """What Slicer's module list shows."""

    def __init__(self, parent):
        ScriptedLoadableModule.__init__(self, parent)
        parent.title = _("PointSeg")
        parent.categories = [translate("qSlicerAbstractCoreModule", "Cardiac")]
        parent.dependencies = ["Sequences", "Segmentations", "Markups"]
        parent.contributors = ["PointSeg contributors"]
        parent.helpText = _(
            "Segments the heart muscle, the left ventricle and the left atrium in every frame of an ultrasound movie, "
            "and follows tissue points through it. For research; not for diagnosis."
        )
        parent.acknowledgementText = _(
            "After Point-Seg: point tracking that guides segmentation. The embedded weights were trained on CAMUS "
            "(Leclerc et al., IEEE Trans. Med. Imaging 2019) and share its licence, CC BY-NC-SA 4.0."
        )
        slicer.app.connect("startupCompleted()", self._loadTerminology)

    def _loadTerminology(self):
        terminologies = getattr(slicer.modules, "terminologies", None)
        if terminologies is not None:
            file = self.resourcePath("Terminology/SegmentationCategoryTypeModifier-PointSeg.term.json")
            terminologies.logic().LoadTerminologyFromFile(file)


class PointSegWidget(ScriptedLoadableModuleWidget, VTKObservationMixin):
    """The module's panel. The engine runs on a worker thread; a timer asks for its progress and writes its result."""

    def __init__(self, parent=None):
        ScriptedLoadableModuleWidget.__init__(self, parent)
        VTKObservationMixin.__init__(self)
        self.logic = None
        self.predictor: Predictor | None = None  # scripts may set one to run instead of the embedded network
        self._parameterNode = None
        self._parameterNodeGuiTag = None
        self._run: BackgroundRun | None = None
        self._polling = False
        self._started = 0.0

    def setup(self):
        import qt

        ScriptedLoadableModuleWidget.setup(self)
        uiWidget = slicer.util.loadUI(self.resourcePath("UI/PointSeg.ui"))
        self.layout.addWidget(uiWidget)
        self.ui = slicer.util.childWidgetVariables(uiWidget)
        uiWidget.setMRMLScene(slicer.mrmlScene)
        self.logic = PointSegLogic()
        self._timer = qt.QTimer()
        self._timer.setInterval(POLL_INTERVAL_MS)
        self._timer.connect("timeout()", self.onTimer)
        self.addObserver(slicer.mrmlScene, slicer.mrmlScene.StartCloseEvent, self.onSceneStartClose)
        self.addObserver(slicer.mrmlScene, slicer.mrmlScene.EndCloseEvent, self.onSceneEndClose)
        slicer.app.connect("aboutToQuit()", self.cancel)
        self.ui.applyButton.connect("clicked(bool)", self.onApplyButton)
        self.ui.progressBar.visible = False
        self.initializeParameterNode()

    def cleanup(self):
        self.cancel()
        self._timer.stop()
        slicer.app.disconnect("aboutToQuit()", self.cancel)
        self.setParameterNode(None)
        self.removeObservers()

    def enter(self):
        self.initializeParameterNode()

    def exit(self):
        self.setParameterNode(None)

    def onReload(self):
        """Load the module's and the engine's files anew, too."""
        self.cancel()
        for name in [name for name in sys.modules if name.split(".")[0] in ("PointSegModule", "PointSegLib")]:
            del sys.modules[name]
        ScriptedLoadableModuleWidget.onReload(self)

    def onSceneStartClose(self, caller=None, event=None):
        self.cancel()
        self.setParameterNode(None)

    def onSceneEndClose(self, caller=None, event=None):
        if self.parent.isEntered:
            self.initializeParameterNode()

    def initializeParameterNode(self):
        """Bind the panel to the scene's parameter node, and choose an image sequence when nothing is chosen yet."""
        self.setParameterNode(self.logic.getParameterNode())
        if self._parameterNode.inputVolume is None:
            self._parameterNode.inputVolume = self.logic.firstImageProxy()

    def setParameterNode(self, parameterNode):
        if self._parameterNode is not None:
            self._parameterNode.disconnectGui(self._parameterNodeGuiTag)
            self.removeObserver(self._parameterNode, vtk.vtkCommand.ModifiedEvent, self.onParametersChanged)
        self._parameterNode = parameterNode
        if parameterNode is not None:
            self._parameterNodeGuiTag = parameterNode.connectGui(self.ui)
            self.addObserver(parameterNode, vtk.vtkCommand.ModifiedEvent, self.onParametersChanged)
        self.onParametersChanged()

    def onParametersChanged(self, caller=None, event=None):
        """Say what is selected and whether it can be run."""
        if self._run is not None:
            return
        problem = self._problem()
        self.ui.applyButton.text = _("Apply")
        self.ui.applyButton.enabled = not problem
        self.ui.applyButton.toolTip = problem or _("Segment every frame and follow the tissue points")
        self.ui.statusLabel.text = problem or self._describeInput()

    def onApplyButton(self, checked=False):
        if self._run is not None:
            self.cancel()
        else:
            self._start()

    def cancel(self):
        """Stop the run, if there is one, at its next frame; nothing is then written."""
        if self._run is not None:
            self._run.cancel()
            self.ui.applyButton.enabled = False
            self.ui.statusLabel.text = _("Cancelling...")

    def onTimer(self):
        if self._run is None or self._polling:
            return  # writing the scene can let the timer fire again
        self._polling = True
        try:
            if self._run.poll():
                self._finish(self._present(self._run.output))
        except ProcessingCancelledError:
            self._finish(_("Cancelled; the scene was not changed."))
        except PointSegError as error:
            self._finish(str(error))
        except Exception as error:  # an exception in a timer's slot would only be printed
            logging.exception("PointSeg failed")
            self._finish(_("PointSeg failed: {error}").format(error=error))
        finally:
            self._polling = False

    def showProgress(self, done, total):
        """Show (done, total) frames and what is left."""
        seconds = max(time.monotonic() - self._started, 1e-3)
        self.ui.progressBar.maximum = total
        self.ui.progressBar.value = done
        self.ui.statusLabel.text = _("Frame {done} of {total}; {rate:.1f} frames per second; {left:.0f} s left").format(
            done=done, total=total, rate=done / seconds, left=(total - done) * seconds / max(done, 1)
        )

    def _start(self):
        node = self._parameterNode
        try:
            if self.predictor is None:
                offerInstallation()
            self._run = self.logic.process(
                node.inputVolume,
                node.outputSegmentation,
                node.outputPoints,
                points=node.promptPoints,
                device=node.device.value,
                predictor=self.predictor,
                progress=self.showProgress,
                waitForCompletion=False,
            )
        except PointSegError as error:
            self.ui.statusLabel.text = str(error)
            return
        except Exception as error:
            slicer.util.errorDisplay(_("PointSeg could not start: {error}").format(error=error))
            raise
        self._started = time.monotonic()
        self.ui.applyButton.text = _("Cancel")
        self.ui.applyButton.toolTip = _("Stop; the scene stays as it is")
        self.ui.progressBar.value = 0
        self.ui.progressBar.visible = True
        self.ui.statusLabel.text = _("Starting...")
        self._timer.start()

    def _finish(self, message):
        self._timer.stop()
        self._run = None
        self.ui.progressBar.visible = False
        self.onParametersChanged()
        self.ui.statusLabel.text = message

    def _present(self, output: SceneOutput) -> str:
        """Show the result and return a summary of it."""
        if self._parameterNode is not None:
            self._parameterNode.outputSegmentation = output.segmentation
            self._parameterNode.outputPoints = output.points
            if self._parameterNode.inputVolume is not output.imageNode:
                self._parameterNode.inputVolume = output.imageNode
                slicer.util.setSliceViewerLayers(background=output.imageNode, fit=True)
        slicer.modules.sequences.setToolBarActiveBrowserNode(output.browser)
        summary = _("{frames} frames, {points} points in {seconds:.1f} s.").format(
            frames=len(output.result.labels), points=len(output.result.tracks), seconds=time.monotonic() - self._started
        )
        return "\n".join([summary, *output.warnings])

    def _problem(self) -> str:
        """Why a run cannot start; empty when it can."""
        if self._parameterNode is None:
            return _("No scene is open.")
        if self._parameterNode.inputVolume is None:
            return _("Select an ultrasound sequence or volume.")
        try:
            source = findCine(self._parameterNode.inputVolume)
            checkOutputs(source, self._parameterNode.outputSegmentation, self._parameterNode.outputPoints)
        except PointSegError as error:
            return str(error)
        return ""

    def _describeInput(self) -> str:
        source = findCine(self._parameterNode.inputVolume)
        width, height, _depth = self._parameterNode.inputVolume.GetImageData().GetDimensions()
        size = _("{frames} frames of {width} x {height} pixels").format(frames=len(source), width=width, height=height)
        if source.spacingMm is None:
            return size + "\n" + _("Not calibrated: lengths can be given in pixels only.")
        row, column = source.spacingMm
        return size + "\n" + _("Pixel spacing {row:.3g} x {column:.3g} mm").format(row=row, column=column)


class PointSegLogic(ScriptedLoadableModuleLogic, CineProcessor):
    """What scripts call: `PointSegLogic().process(inputNode)`; see `CineProcessor.process`."""

    def __init__(self):
        ScriptedLoadableModuleLogic.__init__(self)
        CineProcessor.__init__(self)

    def getParameterNode(self):
        return PointSegParameterNode(super().getParameterNode())

    def firstImageProxy(self):
        """The first volume that shows a sequence, or None."""
        sequences = slicer.modules.sequences.logic()
        for volume in slicer.util.getNodesByClass("vtkMRMLScalarVolumeNode"):
            if sequences.GetFirstBrowserNodeForProxyNode(volume) is not None:
                return volume
        return None


class PointSegTest(ScriptedLoadableModuleTest):
    """Slicer's own self-test of the module; needs neither PyTorch nor data."""

    def setUp(self):
        slicer.mrmlScene.Clear(False)

    def test_every_frame_gets_a_segmentation(self):
        from PointSegModule.self_test import BrightestHalf, newTestSequence

        sequence = newTestSequence()
        output = PointSegLogic().process(sequence, predictor=BrightestHalf())
        assert output.segmentationSequence.GetNumberOfDataNodes() == sequence.GetNumberOfDataNodes()
        for frame in range(sequence.GetNumberOfDataNodes()):
            output.browser.SetSelectedItemNumber(frame)
            image = slicer.util.arrayFromVolume(output.imageNode)
            wall = slicer.util.arrayFromSegmentBinaryLabelmap(output.segmentation, "Myocardium", output.imageNode)
            assert ((image >= 128) == (wall > 0)).all()
        self.delayDisplay("Every frame has its segmentation")

    def test_cancelling_changes_nothing(self):
        from PointSegModule.self_test import BrightestHalf, newTestSequence

        sequence = newTestSequence()
        before = slicer.mrmlScene.GetNumberOfNodes()
        run = PointSegLogic().process(sequence, predictor=BrightestHalf(), waitForCompletion=False)
        run.cancel()
        run.wait()
        with self.assertRaises(ProcessingCancelledError):  # noqa: PT027  (Slicer has no pytest)
            run.poll(1.0)
        assert slicer.mrmlScene.GetNumberOfNodes() == before
        self.delayDisplay("Cancelling left the scene as it was")
