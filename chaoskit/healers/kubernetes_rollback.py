"""A Deployment's progress deadline, and whoever takes a stuck rollout back."""

from collections.abc import Mapping
from typing import Any

from chaoskit.healers.base import HealerKind, Of, Setting, seconds
from chaoskit.healers.floors import Floor, Span, uniform

_WHOLE_S = 1.0  # the condition's times have whole seconds, and the controller asks a second late


class KubernetesRollback(HealerKind):
    """A Deployment says that its rollout is stuck; a pipeline or an operator takes it back.

    The controller gives up after progressDeadlineSeconds without progress and does nothing more:
    `kubectl rollout undo`, Helm or a GitOps operator must act. A new pod that is made, and an old
    one that goes, are progress too, so the deadline counts from the last of them.
    """

    name = "kubernetes-rollback"
    title = "Progress deadline and rollback of a Deployment"
    settings = (
        Setting("progress_deadline", "progressDeadlineSeconds.", Of.DURATION, "600s"),
        Setting(
            "interval", "Between two looks of who acts; 0s when it watches.", Of.DURATION, "0s"
        ),
    )
    acts_alone = False
    rearm = "the good version rolled out, at full strength: a rollout has a deadline of its own"
    witness = (
        "the Deployment's condition Progressing, with ProgressDeadlineExceeded; its template of an "
        "earlier revision"
    )

    def floor(
        self, settings: Mapping[str, Any], fault: str, *, asks_hz: float = 0.0
    ) -> Floor | None:
        """Of a rollout that gets stuck; of nothing else."""
        del asks_hz
        if fault != "bad_rollout":
            return None
        values = self.values(settings)
        deadline_s, interval_s = values["progress_deadline"], values["interval"]
        seen = Span(max(0.0, deadline_s - _WHOLE_S), deadline_s, deadline_s + _WHOLE_S)
        why = f"no progress for {seconds(deadline_s)}, counted in whole seconds from the last one"
        return Floor(detection=seen, action=seen + uniform(0.0, interval_s), why=why)


KIND = KubernetesRollback()
