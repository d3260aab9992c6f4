"""PointSeg, a 3D Slicer module: segments the heart muscle in ultrasound movies and follows its tissue points."""

from __future__ import annotations

import sys

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

from PointSegModule.engines import Engines, ProcessingCancelledError
from PointSegModule.logic import CineProcessor
from PointSegModule.panel_correct import CorrectPanel
from PointSegModule.panel_environment import EnvironmentPanel
from PointSegModule.panel_input import InputPanel
from PointSegModule.panel_results import ResultsPanel
from PointSegModule.panel_run import RunPanel
from PointSegModule.panel_segment import SegmentPanel
from PointSegModule.panel_shortcuts import newShortcuts
from PointSegModule.panel_track import TrackPanel
from PointSegModule.parameters import PointSegParameterNode
from PointSegModule.sample_data import registerSampleData
from PointSegModule.self_test import BrightestHalf, SceneSelfTests, newTestSequence
from PointSegModule.sequence_browsing import firstImageProxy


class PointSeg(ScriptedLoadableModule):
    """What Slicer's module list shows."""

    def __init__(self, parent):
        ScriptedLoadableModule.__init__(self, parent)
        parent.title = _("PointSeg")
        parent.categories = [translate("qSlicerAbstractCoreModule", "Cardiac")]
        parent.dependencies = ["Sequences", "Segmentations", "Markups", "Plots", "Tables"]
        parent.contributors = ["PointSeg contributors"]
        parent.helpText = _(
            "Segments the heart muscle, the left ventricle and the left atrium in every frame of an ultrasound movie, "
            "and follows tissue points through it. For research; not for diagnosis."
        )
        parent.acknowledgementText = _(
            "Follows Khodabakhshian, Hashemi et al., Point Tracking as a Temporal Cue for Robust Myocardial "
            "Segmentation in Echocardiography Videos, arXiv:2601.09207. The embedded weights were trained on CAMUS "
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
    """The module's panel: its sections are in PointSegModule/panel_*.py, and what they do in `PointSegLogic`."""

    def __init__(self, parent=None):
        ScriptedLoadableModuleWidget.__init__(self, parent)
        VTKObservationMixin.__init__(self)
        self.logic = None
        self._parameterNode = None
        self._parameterNodeGuiTag = None
        self._shortcuts = []

    def setup(self):
        ScriptedLoadableModuleWidget.setup(self)
        uiWidget = slicer.util.loadUI(self.resourcePath("UI/PointSeg.ui"))
        self.layout.addWidget(uiWidget)
        self.ui = slicer.util.childWidgetVariables(uiWidget)
        uiWidget.setMRMLScene(slicer.mrmlScene)
        self.logic = PointSegLogic(Engines(inWorker=True))
        self.runs = RunPanel(self.ui, self.refresh, self.onRest, lambda: self._parameterNode is not None)
        made = (self.ui, self.runs, self.logic, self.parameters)
        self.input = InputPanel(*made)
        self.segment = SegmentPanel(*made, scenesParameters=self.logic.getParameterNode)
        self.correct, self.track = CorrectPanel(*made), TrackPanel(*made)
        self.results, self.environment = ResultsPanel(*made), EnvironmentPanel(*made)
        self._shortcuts = newShortcuts(uiWidget, self.correct, self.parameters)
        self.addObserver(slicer.mrmlScene, slicer.mrmlScene.StartCloseEvent, self.onSceneStartClose)
        self.addObserver(slicer.mrmlScene, slicer.mrmlScene.EndCloseEvent, self.onSceneEndClose)
        slicer.app.connect("aboutToQuit()", self.stop)
        self.initializeParameterNode()

    def cleanup(self):
        self.stop()
        slicer.app.disconnect("aboutToQuit()", self.stop)
        self.setParameterNode(None)
        self.removeObservers()

    def enter(self):
        self.initializeParameterNode()
        self._enableShortcuts(True)
        self.runs.tellUnread()

    def exit(self):
        self._enableShortcuts(False)
        self.setParameterNode(None)

    def onReload(self):
        """Load the module's and the engine's files anew, too."""
        self.stop()
        for name in [name for name in sys.modules if name.split(".")[0] in ("PointSegModule", "PointSegLib")]:
            del sys.modules[name]
        ScriptedLoadableModuleWidget.onReload(self)

    def onSceneStartClose(self, caller=None, event=None):
        self._endPlacing()
        self.track.forget()
        self.results.forget()
        self.runs.stop()
        self.runs.forgetUnread()
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
            self.removeObserver(self._parameterNode, vtk.vtkCommand.ModifiedEvent, self.refresh)
        self._parameterNode = parameterNode
        if parameterNode is not None:
            self._parameterNodeGuiTag = parameterNode.connectGui(self.ui)
            self.addObserver(parameterNode, vtk.vtkCommand.ModifiedEvent, self.refresh)
        self.refresh()

    def parameters(self):
        """The parameter node the panel is bound to, or None."""
        return self._parameterNode

    def refresh(self, caller=None, event=None):
        """Let every section show what is selected now and what can be done with it."""
        sections = (self.input, self.segment, self.correct, self.track, self.results, self.environment)
        for section in sections:
            section.refresh()

    def onRest(self):
        self.correct.onRest()
        self.track.onRest()

    def stop(self):
        """End what is at work, and the worker process."""
        self._endPlacing()
        self.results.forget()
        self.runs.stop()
        self.logic.engines.shutdown()

    def _endPlacing(self):
        self.correct.forget()
        self.input.stopPlacing()
        self.track.stopPlacing()

    def _enableShortcuts(self, isEnabled):
        for shortcut in self._shortcuts:
            shortcut.enabled = isEnabled


class PointSegLogic(ScriptedLoadableModuleLogic, CineProcessor):
    """What scripts call: `PointSegLogic().process(inputNode)`; see `CineProcessor`."""

    def __init__(self, engines=None):
        ScriptedLoadableModuleLogic.__init__(self)
        CineProcessor.__init__(self, engines)

    def getParameterNode(self):
        return PointSegParameterNode(super().getParameterNode())


class PointSegTest(SceneSelfTests, ScriptedLoadableModuleTest):
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
