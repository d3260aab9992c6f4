"""`RunPanel`: the Apply button, which becomes Cancel, the progress bar and the status line."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import Any

from slicer.i18n import tr as _

from PointSegLib.errors import PointSegError
from PointSegModule.background_run import BackgroundRun, ProcessingCancelledError
from PointSegModule.status_text import describeProgress

POLL_INTERVAL_MS = 15


class RunPanel:
    """Does one run at a time, a short step whenever its timer rings.

    Args:
        ui: the panel's widgets.
        refresh: lets the panel show what can be done now.
        onRest: called when a run has ended.
        isShown: tells whether the panel can be seen; what a run came to meanwhile is told by `tellUnread`.
    """

    def __init__(
        self, ui: Any, refresh: Callable[[], None], onRest: Callable[[], None], isShown: Callable[[], bool]
    ) -> None:
        import qt

        self.current: BackgroundRun | None = None
        self.started = 0.0
        self._ui, self._refresh, self._onRest, self._isShown = ui, refresh, onRest, isShown
        self._starting = self._polling = False
        self._finished: Callable[[Any], str] = str
        self._unread = ""
        self.timer = qt.QTimer()
        self.timer.setInterval(POLL_INTERVAL_MS)
        self.timer.connect("timeout()", self.onTimer)
        ui.progressBar.visible = False

    @property
    def isBusy(self) -> bool:
        """Whether a run is at work or about to begin."""
        return self.current is not None or self._starting

    @property
    def whyBusy(self) -> str:
        """Why nothing else can begin; empty while nothing is at work."""
        return _("Wait for the run to end.") if self.isBusy else ""

    def start(self, begin: Callable[[], BackgroundRun], finished: Callable[[Any], str], message: str) -> None:
        """Begin a run, unless one is at work.

        Args:
            begin: gives the run; it may ask the user, which lets events through.
            finished: shows what the run's output is, and returns what to say.
            message: to show meanwhile.
        """
        if self.isBusy:
            return
        self._starting, self._finished = True, finished
        try:
            self._showStarting(message)
            self.current = begin()
        except PointSegError as error:
            self._rest(_shown(error))
        except Exception as error:
            logging.exception("PointSeg could not start")
            self._rest(_("PointSeg could not start: {error}").format(error=error))
        else:
            self.started = time.monotonic()
            self._ui.applyButton.enabled = True
            self.timer.start()
            self._refresh()
        finally:
            self._starting = False

    def cancel(self) -> None:
        """Stop the run, if there is one."""
        if self.current is not None:
            self._ui.applyButton.enabled = False
            self._ui.statusLabel.text = _("Cancelling...")
            self.current.cancel()

    def stop(self) -> None:
        """End the run, if there is one, at once and without a trace: what follows cannot wait for the timer."""
        self.timer.stop()
        run, self.current = self.current, None
        if run is not None:
            run.abandon()
            self._rest("")

    def showProgress(self, done: int, total: int) -> None:
        """Show (done, total) frames and what is left."""
        self._ui.progressBar.maximum = total
        self._ui.progressBar.value = done
        self._ui.statusLabel.text = describeProgress(done, total, time.monotonic() - self.started)

    def say(self, message: str) -> None:
        """Show a message, now or when the panel can be seen again."""
        self._ui.statusLabel.text = message
        self._unread = "" if self._isShown() else message

    def explain(self, error: PointSegError) -> None:
        """Show why something cannot be done."""
        self.say(_shown(error))

    def tellUnread(self) -> None:
        """Show what could not be seen when it was said."""
        if self._unread and not self.isBusy:
            self.say(self._unread)

    def forgetUnread(self) -> None:
        """The scene that it was about is gone."""
        self._unread = ""

    def onTimer(self) -> None:
        if (run := self.current) is None or self._polling:
            return  # writing the scene can let the timer ring again
        self._polling = True
        try:
            if run.poll():
                self._rest(self._finished(run.output))
        except ProcessingCancelledError:
            self._rest(_("Cancelled; the scene was not changed."))
        except PointSegError as error:
            self._rest(_shown(error))
        except Exception as error:  # an exception in a timer's slot would only be printed
            logging.exception("PointSeg failed")
            self._rest(_("PointSeg failed: {error}").format(error=error))
        finally:
            self._polling = False

    def _showStarting(self, message: str) -> None:
        self._ui.applyButton.text = _("Cancel")
        self._ui.applyButton.toolTip = _("Stop; the scene stays as it was")
        self._ui.applyButton.enabled = False
        self._ui.progressBar.value = 0
        self._ui.progressBar.visible = True
        self._ui.statusLabel.text = message
        self._ui.statusLabel.repaint()  # now, because the questions of an installation can hold up events

    def _rest(self, message: str) -> None:
        self.timer.stop()
        self.current = None
        self._starting = False
        self._ui.progressBar.visible = False
        self._refresh()
        if message:
            self.say(message)
        self._onRest()


def _shown(error: PointSegError) -> str:
    """What the panel shows of an error: its first line. The rest, such as a worker's last words, is in the log."""
    logging.warning(str(error))
    return str(error).partition("\n")[0]
