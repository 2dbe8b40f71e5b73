"""All trials of an experiment taken together: laid over each other, spread out, and cut in three."""

from dataclasses import dataclass, field

from markupsafe import Markup

from chaoskit.model.journal import ExperimentRecord, TrialRecord
from chaoskit.model.timeline import Timeline
from chaoskit.reporters.charts import Words
from chaoskit.reporters.overlay import Curve, curve_of, describe_overlay, draw_overlay
from chaoskit.reporters.spread import draw_spread, spread_of
from chaoskit.reporters.stretches import Cut, cut, stretch_rows


@dataclass(frozen=True, kw_only=True)
class Together:
    """What the page shows of all trials at once; empty where there is nothing to show."""

    overlay: Markup
    overlay_words: str
    spread: Markup
    spread_words: str
    stretches: tuple[tuple[str, ...], ...]


@dataclass(kw_only=True)
class Gathering:
    """Takes trials one at a time, so that no more than one of them is in memory."""

    record: ExperimentRecord
    curves: list[Curve] = field(default_factory=list)
    cuts: list[Cut] = field(default_factory=list)

    def take(self, trial: TrialRecord, timeline: Timeline) -> None:
        """Keep what the drawings need of a trial, when it says anything about the system."""
        if trial.judgement is None or not trial.judgement.verdict.conclusive:
            return
        curve = curve_of(timeline, trial, kept=_kept(trial))
        parts = cut(timeline, trial)
        if curve is not None:
            self.curves.append(curve)
        if parts is not None:
            self.cuts.append(parts)

    def view(self, page_id: str) -> Together:
        """The drawings of what was taken."""
        record = self.record
        budget = next((one for one in record.budgets if one.measure == "recovery"), None)
        said = describe_overlay(self.curves) if self.curves else ""
        spread = spread_of(record)
        return Together(
            overlay=draw_overlay(
                self.curves,
                budget.bound if budget else None,
                Words(id=f"{page_id}-all", title=f"All trials of {record.title}", description=said),
            ),
            overlay_words=said,
            spread=draw_spread(
                spread,
                Words(
                    id=f"{page_id}-spread",
                    title=f"Recovery of {record.title} by trial",
                    description=spread.words,
                ),
            )
            if spread
            else Markup(""),
            spread_words=spread.words if spread else "",
            stretches=stretch_rows(self.cuts),
        )


def _kept(trial: TrialRecord) -> bool | None:
    judgement = trial.judgement
    if judgement is None:
        return None
    checks = (one.kept for one in judgement.checks if one.budget.measure == "recovery")
    return next(checks, judgement.verdict.good)
