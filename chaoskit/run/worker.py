"""The worker: chaoslib's Runner in a process of its own, because its state is module-global.

It asks the supervisor at every gate and waits there: before the method until the baseline has been
watched, after the method until the watch is over, before the rollbacks until the faults are lifted.
What chaoslib swallows (failed actions, rollbacks and controls) is collected and told.
"""

# ruff: noqa: ARG002  # chaoslib calls its event handlers by position; their parameters are its own

import json
import logging
import os
import socket
import sys
import threading
from collections.abc import Mapping, Sequence
from copy import deepcopy
from pathlib import Path
from typing import Any

from chaoslib import substitute
from chaoslib.configuration import load_configuration, load_dynamic_configuration
from chaoslib.control import get_controls, import_control
from chaoslib.hypothesis import within_tolerance
from chaoslib.run import RunEventHandler, Runner
from chaoslib.secret import load_secrets
from chaoslib.types import Strategy

from chaoskit.errors import FaultRefused, LiftFailed
from chaoskit.faults import session
from chaoskit.faults.base import Fault, arguments_of
from chaoskit.run.channel import Channel, ChannelClosed, Refused
from chaoskit.run.timetable import Timetable, lateness

# A rollback is an undo, so it is played whatever happened (chaoslib's own default skips it then).
_LEAVE_WITHOUT_ROLLBACKS = 30  # chaoslib's own code for it (chaoslib/exit.py)
SETTINGS = {"runtime": {"rollbacks": {"strategy": "always"}}}


class SupervisedSession:
    """Hands every fault to the supervisor, who holds the agent and the leases."""

    def __init__(self, channel: Channel, timetable: Timetable) -> None:
        self._channel = channel
        self._timetable = timetable

    def inject(self, fault: Fault) -> dict[str, Any]:
        """See chaoskit.faults.session.Session."""
        late = lateness(fault, self._timetable.wait_for(fault))
        arguments = arguments_of(fault)
        try:
            reply = self._channel.ask("inject", fault=fault.name, arguments=arguments, late=late)
        except Refused as error:
            raise FaultRefused(str(error)) from error
        return dict(reply)

    def lift_all(self) -> dict[str, Any]:
        """See chaoskit.faults.session.Session."""
        try:
            return dict(self._channel.ask("lift"))
        except Refused as error:
            raise LiftFailed(str(error)) from error


class Gates(RunEventHandler):  # type: ignore[misc]  # chaoslib is untyped
    """Stops the Runner at the trial's phases and tells what it does."""

    def __init__(self, channel: Channel, timetable: Timetable) -> None:
        self._channel = channel
        self._timetable = timetable
        self.steady_before: bool | None = None
        self.steady_after: bool | None = None

    def hypothesis_before_completed(self, experiment: Any, state: Any, journal: Any) -> None:
        """The Toolkit's own question before the method."""
        self.steady_before = _met(state)
        if self.steady_before is False:  # nothing was injected, so there is nothing to roll back
            raise SystemExit(_LEAVE_WITHOUT_ROLLBACKS)

    def hypothesis_after_completed(self, experiment: Any, state: Any, journal: Any) -> None:
        """The Toolkit's own question after the method, while held faults are still on."""
        self.steady_after = _met(state)

    def start_method(self, experiment: Any) -> None:
        """Wait until the baseline has been watched."""
        self._gate("method")
        self._timetable.begin()

    def method_completed(self, experiment: Any, state: Any = None) -> None:
        """Wait until the watch is over."""
        self._gate("watched")

    def start_rollbacks(self, experiment: Any) -> None:
        """Wait until the faults are lifted."""
        self._gate("lifted")

    def start_activity(self, activity: Any) -> None:
        """Tell it, for the timeline."""
        self._tell("begins", activity, "")

    def activity_completed(self, activity: Any, run: Any) -> None:
        """Tell it, for the timeline."""
        self._tell("ends", activity, (run or {}).get("status") or "")

    def _tell(self, what: str, activity: Any, status: str) -> None:
        self._channel.ask(
            "activity",
            stage=what,
            name=activity.get("name", ""),
            kind=activity.get("type", ""),
            status=status,
        )

    def _gate(self, name: str) -> None:
        try:
            reply = self._channel.ask("gate", at=name)
        except ChannelClosed:
            os._exit(1)  # the supervisor is gone: nothing may be played without it
        if reply["refused"]:
            raise SystemExit(_LEAVE_WITHOUT_ROLLBACKS)  # an Exception would be swallowed


class SwallowedFailures(logging.Handler):
    """Keeps what chaoslib only logs: a control that failed, was not found or not registered."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.messages: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keep failures of controls."""
        text = record.getMessage()
        if "ontrol" in text and (record.exc_info or "could not be loaded" in text):
            self.messages.append(text)


def _met(state: Any) -> bool | None:
    return None if state is None else bool(state.get("steady_state_met"))


class Worker:
    """Runs one experiment's trials, one after the other, each when the supervisor says so."""

    def __init__(self, channel: Channel, task: Mapping[str, Any], timetable: Timetable) -> None:
        self._channel = channel
        self._timetable = timetable
        self._document: Mapping[str, Any] = task["document"]
        self._inside: Mapping[str, str] = task["inside"]
        self._logger = logging.getLogger("chaostoolkit")
        self._secret_texts: list[str] = []

    def resolved(self) -> dict[str, Any]:
        """Configuration, secrets and the hypothesis's probes with every ${name} filled in."""
        document = deepcopy(dict(self._document))
        configuration = load_configuration(document.get("configuration", {}))
        secrets = load_secrets(document.get("secrets", {}), configuration)
        configuration = load_dynamic_configuration(configuration, secrets)
        self._secret_texts = sorted(_texts(secrets), key=len, reverse=True)
        probes = document.get("steady-state-hypothesis", {}).get("probes", [])
        asked_with = {**configuration, **self._inside}
        return {
            "configuration": configuration,
            "secrets": secrets,
            "probes": [substitute(probe, asked_with, secrets) for probe in probes],
            "asked_with": asked_with,
            "missing_controls": self._missing_controls(document),
        }

    def trial(self, journal_path: Path) -> dict[str, Any]:
        """Run the experiment once; what of it matters to a verdict."""
        gates = Gates(self._channel, self._timetable)
        swallowed = SwallowedFailures()
        self._logger.addHandler(swallowed)
        try:
            with Runner(Strategy.DEFAULT) as runner:
                runner.register_event_handler(gates)
                journal = runner.run(deepcopy(dict(self._document)), settings=deepcopy(SETTINGS))
        finally:
            self._logger.removeHandler(swallowed)
        text = json.dumps(journal, indent=1, default=str)
        for secret in self._secret_texts:
            text = text.replace(json.dumps(secret)[1:-1], "(redacted)")
        journal_path.write_text(text, encoding="utf-8")
        return {
            "status": journal["status"],
            "deviated": bool(journal["deviated"]),
            "steady_before": gates.steady_before,
            "steady_after": gates.steady_after,
            "failed_activities": _failures(journal.get("run") or []),
            "failed_rollbacks": _failures(journal.get("rollbacks") or []),
            "failed_controls": sorted(set(swallowed.messages)),
        }

    @staticmethod
    def _missing_controls(document: dict[str, Any]) -> list[str]:
        return [
            f"{control.get('name', 'a control')}: module {control['provider']['module']} not found"
            for control in get_controls(document)
            if control.get("provider", {}).get("type") == "python" and not import_control(control)
        ]


def _texts(value: Any) -> set[str]:
    """Every text inside a nested value that is long enough to be a secret."""
    if isinstance(value, Mapping):
        return {text for inner in value.values() for text in _texts(inner)}
    if isinstance(value, list | tuple):
        return {text for inner in value for text in _texts(inner)}
    text = str(value)
    return {text} if len(text) >= 4 else set()


def _failures(runs: Sequence[Mapping[str, Any]]) -> list[str]:
    """Activities that failed, were never finished, or were probes outside their tolerance."""
    failed = []
    for run in runs:
        activity = run.get("activity", {})
        outside = run.get("status") == "succeeded" and _outside_tolerance(activity, run)
        if run.get("status") != "succeeded" or outside:
            why = "outside its tolerance" if outside else _last_line(run)
            failed.append(f"{activity.get('name', 'unnamed')}: {why}")
    return failed


def _outside_tolerance(activity: Mapping[str, Any], run: Mapping[str, Any]) -> bool:
    """chaoslib asks this of the hypothesis only; a probe in the method is held to it here."""
    if "tolerance" not in activity:
        return False
    met = run.get("tolerance_met")
    if met is None:
        met = within_tolerance(activity["tolerance"], run.get("output"), {}, {})
    return not met


def _last_line(run: Mapping[str, Any]) -> str:
    lines = [line for entry in run.get("exception") or [] for line in str(entry).splitlines()]
    return next((line.strip() for line in reversed(lines) if line.strip()), str(run.get("status")))


def main(fd: int) -> None:
    """Serve one experiment over the socket with this descriptor."""
    logging.getLogger("chaostoolkit").setLevel(logging.DEBUG)
    finished = threading.Event()
    channel = Channel(socket.socket(fileno=fd), lambda _what, _fields: {})
    try:
        task = channel.ask("task")
        if not task["document"]:
            return  # the run ended before there was anything to do
        timetable = Timetable()
        session.install(SupervisedSession(channel, timetable))
        worker = Worker(channel, task, timetable)
        channel.ask("resolved", **worker.resolved())
        while (order := channel.ask("next")).get("trial"):
            channel.ask("done", result=worker.trial(Path(order["journal"])))
    except ChannelClosed:
        finished.set()  # the supervisor is gone; there is nobody to work for
    except Exception as error:  # noqa: BLE001  # told to the supervisor, which judges it
        channel.ask("broken", error=f"{type(error).__name__}: {error}")
    channel.close()


if __name__ == "__main__":
    main(int(sys.argv[1]))
