"""Writes down marks as they happen, from whatever thread saw them, and passes the news on.

One recorder serves a whole target, so observers need not know about trials: what happens between
two trials belongs to none of them and is only told to the listener.
"""

import threading
from pathlib import Path
from types import TracebackType
from typing import Self, TextIO

from chaoskit.model.evidence import mark_line
from chaoskit.model.progress import Listener, News, Step
from chaoskit.model.timeline import NS, Mark, MarkKind
from chaoskit.run.clock import now_ns

_TOLD = ("have", "want", "fault", "nature")  # of a mark's particulars, to the listener


class Recorder:
    """The marks of the trial that is under way."""

    def __init__(self, listener: Listener) -> None:
        self.listener = listener
        self.experiment = ""
        self.trial = 0
        self._lock = threading.Lock()
        self._marks: list[Mark] = []
        self._file: TextIO | None = None
        self._effect_ns: int | None = None

    def begin(self, path: Path, *, experiment: str, trial: int) -> None:
        """From here on marks belong to this trial."""
        with self._lock:
            self._marks = []
            self._effect_ns = None
            self.experiment, self.trial = experiment, trial
            self._file = path.open("a", encoding="utf-8")

    def end(self) -> None:
        """The trial is over."""
        with self._lock:
            if self._file is not None:
                self._file.close()
            self._file = None

    def record(self, mark: Mark) -> None:
        """Write one mark down, flushed, before anyone hears of it."""
        with self._lock:
            if self._file is None:
                return
            self._marks.append(mark)
            self._file.write(mark_line(mark))
            self._file.flush()
            if mark.kind is MarkKind.IN_EFFECT and self._effect_ns is None:
                self._effect_ns = mark.at_ns
            since = None if self._effect_ns is None else (mark.at_ns - self._effect_ns) / NS
        data = {
            "kind": mark.kind.value,
            "source": mark.source,
            "service": mark.service,
            "instance": mark.instance,
            "since_effect_s": since,
            **{name: mark.data[name] for name in _TOLD if name in mark.data},
        }
        self.tell(Step.MARK, mark.detail, at_ns=mark.at_ns, **data)

    def phase(self, name: str, *, seconds: float | None = None) -> int:
        """A phase of the trial begins now; its time."""
        at_ns = now_ns()
        self.record(Mark(at_ns=at_ns, kind=MarkKind.PHASE, detail=name))
        self.tell(Step.PHASE, name, at_ns=at_ns, phase=name, seconds=seconds)
        return at_ns

    def marks(self) -> tuple[Mark, ...]:
        """What has been recorded in this trial so far, in the order of recording."""
        with self._lock:
            return tuple(self._marks)

    def tell(self, step: Step, text: str = "", *, at_ns: int | None = None, **data: object) -> None:
        """News for the listener."""
        self.listener.tell(
            News(
                at_ns=now_ns() if at_ns is None else at_ns,
                step=step,
                experiment=self.experiment,
                trial=self.trial,
                text=text,
                data=data,
            )
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.end()
