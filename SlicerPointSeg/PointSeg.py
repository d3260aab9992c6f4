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

from PointSegModule.background_run import BackgroundRun, PointSegError, ProcessingCancelledError
from PointSegModule.dependencies import offerInstallation
from PointSegModule.logic import CineProcessor, Predictor
from PointSegModule.parameters import PointSegParameterNode
from PointSegModule.sample_data import registerSampleData
from PointSegModule.scene_output import SceneOutput
from PointSegModule.self_test import BrightestHalf, newTestSequence
from PointSegModule.sequence_browsing import firstImageProxy
from PointSegModule.status_text import describeInput, describeOutput, describeProgress, problemOf

# Slicer can hold Python's lock between events, so the worker advances while `poll` waits and hardly in between.
POLL_INTERVAL_MS = 15
STOP_SECONDS = 10.0


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
        slicer.app.connect("startupCompleted()", registerSampleData)

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
        self._starting = False
        self._polling = False
        self._started = 0.0
        self._unread = ""  # how a run ended while another module was open

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
        slicer.app.connect("aboutToQuit()", self._stop)
        self.ui.applyButton.connect("clicked(bool)", self.onApplyButton)
        self.ui.progressBar.visible = False
        self.initializeParameterNode()

    def cleanup(self):
        self._stop()
        slicer.app.disconnect("aboutToQuit()", self._stop)
        self.setParameterNode(None)
        self.removeObservers()

    def enter(self):
        self.initializeParameterNode()
        if self._unread:
            self.ui.statusLabel.text, self._unread = self._unread, ""

    def exit(self):
        self.setParameterNode(None)

    def onReload(self):
        """Load the module's and the engine's files anew, too."""
        self._stop()
        for name in [name for name in sys.modules if name.split(".")[0] in ("PointSegModule", "PointSegLib")]:
            del sys.modules[name]
        ScriptedLoadableModuleWidget.onReload(self)

    def onSceneStartClose(self, caller=None, event=None):
        self._unread = ""
        self.cancel()
        self.setParameterNode(None)

    def onSceneEndClose(self, caller=None, event=None):
        if self.parent.isEntered:
            self.initializeParameterNode()

    def initializeParameterNode(self):
        """Bind the panel to the scene's parameter node, and choose an image sequence when nothing is chosen yet."""
        self.setParameterNode(self.logic.getParameterNode())
        if self._parameterNode.inputVolume is None:
            self._parameterNode.inputVolume = firstImageProxy()

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
        if self._run is not None or self._starting:
            return
        problem = problemOf(self._parameterNode)
        self.ui.applyButton.text = _("Apply")
        self.ui.applyButton.enabled = not problem
        self.ui.applyButton.toolTip = problem or _("Segment every frame and follow the tissue points")
        self.ui.statusLabel.text = problem or describeInput(self._parameterNode)

    def onApplyButton(self, checked=False):
        if self._run is not None:
            self.cancel()
        elif not self._starting:  # the questions of an installation let events through
            self._start()

    def cancel(self):
        """Stop the run, if there is one, at its next frame; nothing is then written."""
        if self._run is not None:
            self._run.cancel()
            self.ui.applyButton.enabled = False
            self.ui.statusLabel.text = _("Cancelling...")

    def onTimer(self):
        if (run := self._run) is None or self._polling:
            return  # writing the scene can let the timer fire again
        self._polling = True
        try:
            if run.poll():
                self._finish(self._present(run.output))
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
        self.ui.progressBar.maximum = total
        self.ui.progressBar.value = done
        self.ui.statusLabel.text = describeProgress(done, total, time.monotonic() - self._started)

    def _start(self):
        self._starting = True
        try:
            if self.predictor is None:
                offerInstallation()
            self._showStarting()
            self._run = self._process(self._parameters())
        except PointSegError as error:
            self._finish(str(error))
        except Exception as error:
            logging.exception("PointSeg could not start")
            self._finish(_("PointSeg could not start: {error}").format(error=error))
        else:
            self._started = time.monotonic()
            self.ui.applyButton.enabled = True
            self._timer.start()
        finally:
            self._starting = False

    def _process(self, node):
        return self.logic.process(
            node.inputVolume,
            node.outputSegmentation,
            node.outputPoints,
            points=node.promptPoints,
            device=node.device.value,
            predictor=self.predictor,
            progress=self.showProgress,
            waitForCompletion=False,
        )

    def _showStarting(self):
        self.ui.applyButton.text = _("Cancel")
        self.ui.applyButton.toolTip = _("Stop; the scene stays as it is")
        self.ui.applyButton.enabled = False
        self.ui.progressBar.value = 0
        self.ui.progressBar.visible = True
        self.ui.statusLabel.text = _("Loading the network...") if self.predictor is None else _("Starting...")
        self.ui.statusLabel.repaint()  # now, because reading frames and importing PyTorch can hold up events

    def _finish(self, message):
        """Bring the panel back to rest with a message, which `enter` repeats if another module is open now."""
        self._timer.stop()
        self._run = None
        self._starting = False
        self.ui.progressBar.visible = False
        self.onParametersChanged()
        self.ui.statusLabel.text = message
        self._unread = message if self._parameterNode is None else ""

    def _stop(self):
        """End the run, if there is one, without writing: what follows cannot wait for the timer."""
        self._timer.stop()
        run, self._run = self._run, None
        if run is not None:
            run.cancel()
            if not run.wait(STOP_SECONDS):
                logging.warning("PointSeg's engine did not stop in time; its result will be dropped.")

    def _parameters(self) -> PointSegParameterNode:
        """The panel's parameter node, also while another module is open."""
        return self._parameterNode if self._parameterNode is not None else self.logic.getParameterNode()

    def _present(self, output: SceneOutput) -> str:
        """Show the result and return a summary of it."""
        parameters = self._parameters()
        parameters.outputSegmentation = output.segmentation
        parameters.outputPoints = output.points
        if parameters.inputVolume is not output.imageNode:
            parameters.inputVolume = output.imageNode
            slicer.util.setSliceViewerLayers(background=output.imageNode, fit=True)
        slicer.modules.sequences.setToolBarActiveBrowserNode(output.browser)
        return describeOutput(output, time.monotonic() - self._started)


class PointSegLogic(ScriptedLoadableModuleLogic, CineProcessor):
    """What scripts call: `PointSegLogic().process(inputNode)`; see `CineProcessor.process`."""

    def __init__(self):
        ScriptedLoadableModuleLogic.__init__(self)
        CineProcessor.__init__(self)

    def getParameterNode(self):
        return PointSegParameterNode(super().getParameterNode())


class PointSegTest(ScriptedLoadableModuleTest):
    """Slicer's own self-test of the module; needs neither PyTorch nor data."""

    def setUp(self):
        slicer.mrmlScene.Clear(False)

    def test_every_frame_gets_a_segmentation(self):
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
        sequence = newTestSequence()
        before = slicer.mrmlScene.GetNumberOfNodes()
        run = PointSegLogic().process(sequence, predictor=BrightestHalf(), waitForCompletion=False)
        run.cancel()
        run.wait()
        with self.assertRaises(ProcessingCancelledError):  # noqa: PT027  (Slicer has no pytest)
            run.poll(1.0)
        assert slicer.mrmlScene.GetNumberOfNodes() == before
        self.delayDisplay("Cancelling left the scene as it was")
