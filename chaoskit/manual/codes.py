"""A stable code for every mistake in a file or on the command line.

A code belongs to a kind of mistake, whoever finds it: messages are made where mistakes are found, and
told apart here by their words (the first line that fits), so that a message can be made better without a number being lost. A
test holds every message of the package to this table. A code is never given to another kind of mistake.
"""

import re
from dataclasses import dataclass

from chaoskit.errors import Problem


@dataclass(frozen=True)
class Code:
    """A kind of mistake."""

    code: str
    words: str  # a regular expression for the messages that it covers
    title: str
    means: str
    mend: str


OTHER = Code(
    "CK900", "", "another mistake", "The message says it all.", "Do what the message says."
)

CODES = (
    # 0: the file as such
    Code("CK001", r"no such file|^cannot be (read|written)|^(is a folder|is not there)|may not be read",
         "a file that cannot be used", "There is no such file, or it may not be read or written.",
         "Check the path; folders are searched for files with a method or a hypothesis."),
    Code("CK002", r"^broken (YAML|JSON|TOML)|is not (JSON|!\S+)$|must be in double quotes|not allowed in YAML",
         "broken YAML or JSON", "The file cannot be read as what its name says.",
         "Look at the line above as well: an open quote, bracket or a tab shows only later."),
    Code("CK003", r"is not UTF-8|is a binary file|larger than 1 MiB|nested deeper|more than \S+ values|"
                  r"^the file is empty|a second document",
         "not a file of this kind", "It is empty, binary, too large, or holds more than one document.",
         "One file holds one experiment or target, as YAML or JSON in UTF-8."),
    Code("CK004", r"^the key .* is already in line", "a key twice",
         "YAML would let the later one win without a word.", "Remove one of them."),
    Code("CK005", r"^the tag|^the alias|^<< merges|^a key must be a text|^YAML reads .* as a date",
         "YAML that is not understood", "A tag, an alias, a merge or a date has no meaning here.",
         "Write the value out, or put quotes around it."),
    # 3, but told apart first: their words are also those of others
    Code("CK307", r"needs a ledger|needs reads|settings of the .* ledger|results cannot be stale|lost_writes",
         "a ledger is missing or wrong", "Lost writes are told by a ledger of what was written.",
         "docs/experiment-file.md, The ledger."),
    Code("CK309", r"answer has no|a range has two bounds|no number lies between", "a tolerance that cannot be met",
         "It names a part that the answer does not have, or an empty range.", "docs/experiment-file.md lists tolerances."),
    # 4, told apart first for the same reason
    Code("CK405", r"cannot be trusted: |runs nothing, and reports success|takes every pod of",
         "a call whose success says nothing", "chaostoolkit-kubernetes succeeds where nothing was done, or is too late.",
         "Use what the message names; docs/kubernetes.md has the whole list."),
    Code("CK406", r"in (a Kubernetes cluster|a Compose project), and the target|target in a cluster|in a cluster, |in manifests, or in a"
                  r"|a manifest (must|needs)|a kustomization|in these manifests|in the manifests|is in no manifest|belongs to the "
                  r"(whole cluster|cluster itself)|its own namespace|is no namespace|existing namespace|exists already|where only a run|done in a cluster$|that name their object"
                  r"|must name the workloads|the Service has no port|an address belong together|^patience is for|is not felt by users|witness is for a Compose|^the variable .* is not set"
                  r"|' is none$|is already in [^l]|file or folder '.*' (beside it|in the target)",
         "a target in a cluster that cannot be used so", "Its manifests, its place or its entry are not possible.",
         "docs/kubernetes.md"),
    # 1: keys and values
    Code("CK101", r"^unknown key|^no check named|^.*not a field of a journal", "an unknown key",
         "Nobody would read this key, so what it was to say would be lost.",
         "Take the suggestion, or the key out. `chaoskit schema experiment` has all keys."),
    Code("CK102", r"has no '|^no target is named|^budgets are missing|quantile is missing|"
                  r"^trials says not how many|has no max$|needs to know how many faults",
         "something is missing", "A key without which nothing can be run, or nothing proven, is not there.",
         "Add it; the message says what it means."),
    Code("CK103", r"is not a (duration|window|size|share|rate|count|share of a CPU|range)|is no time at all|"
                  r"^\S+ cannot be (?!stale|read|written)|is not an offset|must be a duration|is no range|is not a whole number|"
                  r"is out of range|is more than everything|^['\w .,]+ is [\d.+-]",
         "not a quantity", "A duration, a share, a size or a rate is not written as one.",
         "Write a number with its unit: 400ms, 2s, 1m30s; 99%; 64MiB; 2mbit. YAML reads 1:30 as 90."),
    Code("CK104", r" must be |^a name in .* must be a text", "a value of the wrong kind",
         "A text stands where a number, a list or a mapping belongs, or the other way round.",
         "Write what the message asks for. A bare on, off, yes or no is a truth value in YAML: quote it."),
    Code("CK105", r"is not a regular expression|is not a JSON path", "a pattern that cannot be read",
         "It is not a regular expression of Python, or not a JSON path.", "Mend it at the named position."),
    Code("CK106", r"has the unknown|^['\w .,]+ is '|is not known$|is neither true nor false| is empty$",
         "a value that is not on offer", "Only some values are possible here.", "Choose one of those that are listed."),
    # 2: names that lead nowhere
    Code("CK201", r"^no service named|is on no network|has no instance or role|is the service itself",
         "no such service", "The Compose file has no service, instance, network or role of that name.",
         "`chaoskit list targets --json` shows what there is."),
    Code("CK202", r"^no fault named|fault's action|^no function .* here", "no such fault",
         "There is no fault of that name.", "`chaoskit list faults` lists them; each is chaoskit.faults.NAME with func: inject."),
    Code("CK203", r"^no target named|is not a target", "no such target",
         "No folder under targets/ of that name has a target.yaml.", "`chaoskit init` writes one; --targets says where they are."),
    Code("CK204", r"^no measure named|^no trend of", "no such measure",
         "Budgets are bounds on measures, and there is none of that name.", "`chaoskit list measures` lists them."),
    Code("CK205", r"declares no healer|^a healer named|has no setting|settings of .* contradict",
         "a healer that is not declared so", "`healed_by` and settings are held against what target.yaml declares.",
         "Correct target.yaml; `chaoskit explain KIND` has a kind's settings."),
    Code("CK206", r"^nothing gives \$|is not a name that is filled in|is not an entrypoint|fills in no \$",
         "a ${name} without a value", "It would be sent as it stands.", "Entrypoints of the target and `configuration` give names values."),
    Code("CK207", r"^the environment variable", "an environment variable that is not set",
         "The file takes a value from the environment, and it is not there.", "Export it, or give it a default."),
    Code("CK208", r"no Python module|has no function|needs the argument|takes no argument",
         "a call that would fail", "A module, a function or an argument is not there, or one is missing.",
         "`chaoskit explain FAULT` has a fault's arguments; other modules must be installed here."),
    Code("CK209", r"^no program|is not an HTTP address|leaves no time to answer", "a probe that cannot be asked",
         "Its program, its address or its time-out is not usable.", "Begin addresses with an entrypoint, such as ${web_url}."),
    Code("CK210", r"^no activity named|is in lines|is already in line|is a name of",
         "a name twice, or nowhere", "Names of activities must be there once.", "Rename one of them."),
    # 3: what makes no sense as an experiment
    Code("CK301", r"the method has no action|could fail|is never met|can never be (missed|proven)|"
                  r"could never be|nothing may fail|would change nothing|no packet would be lost|"
                  r"would break the target after",
         "nothing could be learnt", "Whatever the system did, the outcome would be the same.",
         "Break something, and ask for something that can be missed."),
    Code("CK302", r"too short|before .* good asks|longer than the watch|holds not one ask|stable good",
         "the phases do not fit", "A budget, a fault or a stretch of good asks is longer than its phase.",
         "Make the phase longer; the message says how long."),
    Code("CK303", r"^too few trials|numbers of its own|is only for \{until|goes on until",
         "trials that cannot prove what is asked", "So few trials can never show that share of cases.",
         "`chaoskit explain too_few_trials` says what how many trials prove."),
    Code("CK304", r"could wait for an answer at once|asks a second|writes a second|fresh connections|kept connections",
         "probing that cannot be done", "So many asks or writes cannot be kept up, or nobody makes them.",
         "Lower rate or timeout."),
    Code("CK305", r"is struck, so|as a fault is|is an action, not|lasts .* longer|^at .* is before|says the same as",
         "a fault that is not used so", "Its kind, its time or its place in the file is not possible.",
         "`chaoskit explain FAULT` says how it is used."),
    Code("CK306", r"has no connections|not possible|is above the|is unknown$|give either|is no port|negative",
         "a fault that cannot be done so", "These arguments contradict each other, or what a network or kernel can do.",
         "`chaoskit explain FAULT` says what it cannot do."),
    Code("CK308", r"there is no slo|error budget|from-slo", "no promise to derive a budget from",
         "`from-slo` needs an objective and how many faults to expect.", "slo: {objective: 99.9%, faults: 10}"),
    # 4: targets, Compose files
    Code("CK401", r"no Compose file|Compose file without services|Docker Compose refuses|Compose file here|"
                  r"in the target's folder",
         "a Compose file that cannot be used", "It is not there, or Docker Compose itself refuses it.",
         "Try it by itself: docker compose -f FILE config"),
    Code("CK402", r"does not publish port|publishes or exposes", "a port that is not there",
         "An entrypoint is a port that the Compose file publishes or exposes.", "Add it to `ports` or `expose`."),
    Code("CK403", r"full strength of|needs both url and count|has no pattern", "a target that contradicts itself",
         "What target.yaml says cannot be seen, or is not what the Compose file starts.", "docs/target-file.md"),
    Code("CK404", r"^is there already|is up already", "something is there already",
         "Nothing is ever overwritten, and nothing is started twice.", "Move it away, or choose another name."),
    # 5: stored runs
    Code("CK501", r"journal|nested too deeply|schema|is not a run|is no run|not a baseline|not a line",
         "a stored run that cannot be read", "It was edited, cut off, or made by another version.",
         "Run again, or read it with the version that wrote it."),
    # 6: the command line
    Code("CK601", r"is not (MEASURE=BOUND|LABEL)|is no (condition|shard)|nothing to compare|^nothing named|name a target|--all",
         "an option that cannot be used so", "The command line is not complete, or not in the right form.",
         "Add --help to the command."),
    # whatever else is said of a value, by parts that are younger than this table
    Code("CK199", r"\b(is|are) (not|no|never|only)\b|\bneeds?\b|\bcannot\b|\bno \w+ named\b|\btakes?\b|\bhas no\b|"
                  r"\bboth\b|\btwice\b|\bunknown\b",
         "a value that is not possible here", "What was found contradicts what is allowed.",
         "The message names both; `chaoskit schema experiment` has every key."),
)  # fmt: skip


def code_of(problem: Problem) -> Code:
    """The code of a mistake; OTHER when nobody has given it one."""
    return next((one for one in CODES if re.search(one.words, problem.message)), OTHER)


def shown(problem: Problem) -> str:
    """A mistake as it is told: its place, its code, what was found and what is allowed."""
    place = str(problem).removesuffix(_said(problem))
    return f"{place}error[{code_of(problem).code}]: {_said(problem)}"


def _said(problem: Problem) -> str:
    return f"{problem.message}; {problem.hint}" if problem.hint else problem.message
