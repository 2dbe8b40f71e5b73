"""What each verdict asks of its reader: where to look, and what to do next."""

from chaoskit.model.verdict import Verdict

LOOK = {
    Verdict.HEALED: (
        "Recovery, and what share of cases so many trials prove.",
        "Tighten the budget to what you promise; `chaoskit prove` shows that the experiment can fail.",
    ),
    Verdict.MASKED: (
        "Whether what is asked needs what was broken at all.",
        "If it does, redundancy works: break two at once. If it does not, ask a page that does.",
    ),
    Verdict.PREVENTED: (
        "Which healer acted, and how long before harm was due.",
        "Let the fault grow faster, until it is not prevented any more: that is the margin.",
    ),
    Verdict.TOO_SLOW: (
        "The timeline: detection, then action, then start-up. The longest part is the one to mend.",
        "Shorter check intervals mend detection, a leaner start-up the rest. Or promise less.",
    ),
    Verdict.NOT_HEALED: (
        "Whether anybody noticed (detection) and acted. `after lift` means that it came back only when "
        "the fault was taken away: nothing of yours did it.",
        "Add a healer for this kind of fault: a restart policy for what dies, a watchdog or autoheal for "
        "what hangs, a time-out and a fallback for what is silent. Or accept it: expect: not_healed.",
    ),
    Verdict.DATA_LOST: (
        "How many writes were lost, and over which span: that names the buffer that they were in.",
        "Sync or replicate before acknowledging. Or accept it: expect: data_lost, as for a cache.",
    ),
    Verdict.WRONG_HEALER: (
        "Who acted instead, in the timeline's lane of healers.",
        "Correct healed_by, or find out why the named one did not act: it may be a slower second.",
    ),
    Verdict.OVER_BUDGET: (
        "Which budget was missed: the row with the cross.",
        "The measure's page says what it is made of: chaoskit explain MEASURE.",
    ),
    Verdict.CLEAN: ("Nothing; this is what an arm without a fault should say.", "Nothing."),
    Verdict.FALSE_ALARM: (
        "What was seen although nothing was broken: the target's own flicker, or a probe's.",
        "Mend the flicker first: no recovery time below it means anything.",
    ),
    Verdict.BASELINE_NOT_MET: (
        "The baseline's bad asks and their reason: a wrong page, a status that is not in the tolerance, "
        "a target that was still starting, a busy machine.",
        "chaoskit up TARGET, and ask the address yourself; then correct the tolerance, `ready`, or the "
        "probing timeout.",
    ),
    Verdict.FAULT_NOT_APPLIED: (
        "The reason: the fault refused itself, or could not be proven in effect.",
        "chaoskit doctor --full says which faults can be done here; chaoskit explain FAULT what they need.",
    ),
    Verdict.OBSERVER_LATE: (
        "The machine's load: our own probes were not sent in time, so no time can be trusted. Or the "
        "prober's pod in a cluster was lost, as the reason says.",
        "Run it on a quiet machine, or ask less often: probing: {rate: 10}.",
    ),
    Verdict.TOO_FEW_TRIALS: (
        "How many trials were valid. 5 clean ones prove 50 % of cases, 22 prove 80 %, 46 prove 90 %, 93 "
        "prove 95 %, each with 95 % confidence and, from 22 on, one miss allowed.",
        "More trials: trials: {plan: merge}, or --trials 22.",
    ),
    Verdict.INTERRUPTED: ("Nothing: it was ended before its time.", "Run it again."),
    Verdict.HARNESS_ERROR: (
        "defect.log and chaoskit-defect.log.",
        "It is ours to mend; nothing was learnt about your system.",
    ),
    Verdict.LIFT_FAILED: (
        "What is named as left behind, and the command that stands beside it.",
        "Run that command now: chaoskit recover.",
    ),
}
