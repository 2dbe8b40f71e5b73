"""One stage of a pipeline: run (or join what shards ran), hold it against the gate, tell the CI."""

import io
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path

from chaoskit import history, joining, pipeline, trend
from chaoskit.ci import gate as gates
from chaoskit.ci.platforms import Plain, Told
from chaoskit.ci.settings import Settings
from chaoskit.errors import EnvironmentUnfit, Exit, InputError, NotPublished
from chaoskit.exporters.shelf import Exports, Wanted
from chaoskit.model.journal import Journal
from chaoskit.model.trend import State, Trend
from chaoskit.reporters import junit, markdown_stage, terminal
from chaoskit.reporters.figures import figure
from chaoskit.reporters.findings import Finding, findings, findings_of_error
from chaoskit.reporters.headline import headline
from chaoskit.reporters.text import tame
from chaoskit.reporters.wording import Result, result_of
from chaoskit.request import EXPERIMENTS, Request
from chaoskit.run.clock import wall_now
from chaoskit.run.folder import HISTORY
from chaoskit.store import fetch
from chaoskit.store import publish as publishing
from chaoskit.store.address import Store

# What a CI collects, by the names that its defaults look for; the run's own names are on the right.
COLLECTED = {  # and SUMMARY and JUNIT, which are made for the stage
    "report.html": "report.html",
    "ctrf.json": "ctrf.json",
    "metrics.txt": "metrics.txt",
    "badge.svg": "badge.svg",
    "badge.json": "badge.json",
}
SUMMARY = "summary.md"
JUNIT = "TEST-chaoskit.xml"
_REPORT_ONLY = {Exit.EVIDENCE_AGAINST, Exit.INCONCLUSIVE}
_NO_ANIMATION = {"CI": "true"}


@dataclass(frozen=True, kw_only=True)
class Stage:
    """What one call of `chaoskit ci` does."""

    request: Request
    settings: Settings
    platform: Plain
    exit_zero: bool = False
    junit_strict: bool = False
    wanted: Wanted = field(default_factory=Wanted)  # who else is told of the run
    publish: Store | None = None  # where the run is copied to

    def run(self) -> int:
        """Run what is asked for and tell of it; the exit code.

        Raises InputError, NothingSelected and EnvironmentUnfit before anything is started.
        """
        self._prepare()
        stream = self.platform.stream
        with (
            Exports(self.wanted) as exports,
            self.platform.folded("chaoskit: break, watch, judge"),
            terminal.listener(stream, environ=_NO_ANIMATION) as listener,
        ):
            for remark in exports.remarks:
                self.platform.say(remark)
            finished = pipeline.run(self.request, exports.beside(listener))
            exports.finished(finished.journal, finished.folder.path)
        return self.tell(replace(finished, trouble=(*finished.trouble, *exports.trouble)))

    def join(self, runs: Sequence[str | Path]) -> int:
        """Join what shards ran and tell of it; the exit code. Raises InputError."""
        self._prepare()
        with fetch.at_hand(runs, self.request.reports) as folders:
            joined = joining.merge(folders, self.request.reports)
        trouble = (*joined.notes, *joined.finished.trouble)
        return self.tell(replace(joined.finished, trouble=trouble))

    def tell(self, finished: pipeline.Finished) -> int:
        """Write and say what a finished run has to say; the exit code."""
        journal, platform = finished.journal, self.platform
        trends, unread = self._trends(journal)
        breaches = (
            *gates.breaches(journal, trends, self.settings.gate),
            *gates.blind(self.settings.gate, unread),
        )
        failed = self._published(finished)
        own = exit_code(journal, breaches, exit_zero=self.exit_zero)
        code = publishing.exit_code(own, failed)
        summary = markdown_stage.render(journal, breaches, trends)
        out = self.settings.out
        report = self.platform.attachment(out / "report.html")
        made = {
            SUMMARY: summary,
            JUNIT: junit.render(
                journal,
                strict=self.junit_strict,
                attachment=report,
                more=gates.suite_of(self.settings.gate, breaches),
            ),
        }
        collect(finished, made, out)
        with platform.foreign():
            page = io.StringIO()
            terminal.show_summary(journal, out / "report.html", page)
            platform.say(tame(page.getvalue()).rstrip())
            said = [f"{one.title}: {one.message}" for one in breaches]
            for line in (*said, *(f"note: {one}" for one in (*finished.trouble, *unread))):
                platform.say(tame(line))
        others = (*breaches, *gates.warnings(journal, trends, self.settings.gate))
        unpublished = findings_of_error(failed) if failed is not None else ()
        platform.findings([*findings(journal, others), *unpublished])
        values = {**values_of(journal, code, out), "gate": "failed" if breaches else "passed"}
        platform.leave(Told(summary=summary, summary_file=out / SUMMARY, values=values))
        if code != journal.exit_code:
            why = "the gate is not passed" if code else "--exit-zero: this stage only reports"
            why = why if code == own else "the run was not published"
            platform.say(f"exit {code} where the run's own is {journal.exit_code}: {why}")
        return code

    def _prepare(self) -> None:
        """Everything that is written to is there. Raises EnvironmentUnfit when it is not."""
        prepare(self.settings.out)
        if self.publish is not None:
            publishing.refuse_unfit(self.publish)

    def _published(self, finished: pipeline.Finished) -> NotPublished | None:
        """Copy the run to where it is to go; why that failed, if it did."""
        if self.publish is None:
            return None
        try:
            url = publishing.publish(finished.folder.path, self.publish)
        except NotPublished as error:
            self.platform.say(tame(str(error)))
            return error
        self.platform.say(tame(f"published: {url}"))
        return None

    def _trends(self, journal: Journal) -> tuple[tuple[Trend, ...], tuple[str, ...]]:
        """How the experiments of this run fared so far, and those of the suite that expired; and
        what of the history could not be read, which costs its trends and nothing else.
        """
        path = self.request.reports / HISTORY
        if not path.is_file():
            return (), ()
        fresh = trend.Freshness(
            now=datetime.fromisoformat(wall_now()), days=self.settings.expire_days
        )
        try:
            stored = history.read([path])
        except InputError as error:
            return (), (str(error),)
        found = trend.trends(stored, fresh=fresh)
        here = {one.name for one in journal.experiments}
        expired = self._suite() if any(one.state is State.EXPIRED for one in found) else set()
        return tuple(one for one in found if one.experiment in here | expired), stored.skipped

    def _suite(self) -> set[str]:
        """Names of all experiments there are: what was deleted cannot be expired."""
        from chaoskit.plan.describe import catalogue  # noqa: PLC0415

        folders = {EXPERIMENTS, *filter(Path.is_dir, self.request.paths)}
        return {
            row["name"]
            for folder in folders
            for row in catalogue(targets=self.request.targets, experiments=folder)["experiments"]
        }


def exit_code(journal: Journal, breaches: tuple[Finding, ...], *, exit_zero: bool) -> int:
    """The run's own; a gate turns a pass into 1; `exit_zero` turns findings into 0, nothing else.

    What is left behind (7), a defect of ours (6) and an unfit machine (4) are never hidden.
    """
    code = Exit(journal.exit_code if journal.exit_code is not None else Exit.HARNESS)
    if code is Exit.PASS and breaches:
        code = Exit.EVIDENCE_AGAINST
    return int(Exit.PASS if exit_zero and code in _REPORT_ONLY else code)


def values_of(journal: Journal, code: int, out: Path) -> Mapping[str, str]:
    """What a later step may want to know."""
    results = [result_of(one) for one in journal.experiments]
    worst = [
        dot.value
        for one in journal.experiments
        for dot in figure(one, "recovery").dots
        if not dot.censored and not dot.after_lift
    ]
    return {
        "verdict": headline(journal).result.value.replace(" ", "_"),
        "exit_code": str(code),
        "run_id": journal.run_id,
        "experiments": str(len(results)),
        "failed": str(results.count(Result.FAILED)),
        "inconclusive": str(results.count(Result.INCONCLUSIVE)),
        "worst_recovery_seconds": f"{max(worst):.3f}" if worst else "",
        "report": str(out / "report.html"),
    }


def prepare(out: Path) -> None:
    """Make the folder, and take away what an earlier run left: a stage that fails must not show it.

    Raises EnvironmentUnfit when nothing can be written there, before anything is started.
    """
    try:
        out.mkdir(parents=True, exist_ok=True)
        for name in (*COLLECTED, SUMMARY, JUNIT):
            (out / name).unlink(missing_ok=True)
        (out / SUMMARY).touch()
        (out / SUMMARY).unlink()
    except OSError as error:
        message = f"{out} cannot be written: {error.strerror or error}; --out names another folder"
        raise EnvironmentUnfit(message) from None


def collect(finished: pipeline.Finished, made: Mapping[str, str], out: Path) -> None:
    """Put what a CI collects into one real folder; `reports/latest` is a link, which few follow."""
    try:
        for name, source in COLLECTED.items():
            shutil.copyfile(finished.folder.path / source, out / name)
        for name, text in made.items():
            (out / name).write_text(text, encoding="utf-8")
    except OSError as error:
        message = f"{out} cannot be written: {error.strerror or error}; the run is in {finished.folder.path}"
        raise EnvironmentUnfit(message) from None
