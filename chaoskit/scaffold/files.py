"""The text of every file that `init` writes. Pure; comments say what was guessed and what to change."""

import json
import re
import textwrap
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from chaoskit.scaffold.entries import Entry
from chaoskit.scaffold.ideas import RESTART, Idea, seconds
from chaoskit.scaffold.survey import Survey

NO_RESTART = "compose.no-restart.yaml"

_WIDTH = 100
_NOT_TEXTS = {"yes", "no", "on", "off", "true", "false", "null", "y", "n"}
_ANY_PAGE = "[200, 499]"
_GOOD_PAGE = "[200, 399]"
_PROBES = {
    "redis": ("chaoskit.probes.redis", "ping", "url"),
    "postgresql": ("chaoskit.probes.postgres", "accepts", "url"),
    "tcp": ("chaoskit.probes.port", "serves", "address"),
}


@dataclass(frozen=True, kw_only=True)
class Frame:
    """What all files of one target share."""

    target: str
    title: str
    compose: str  # relative to the target's folder; "" when it is found there by its own name
    schemas: Mapping[str, str]  # target, experiment → the way from such a file to its schema
    path: str  # the page to ask; "" when nobody said
    order: Mapping[str, int]  # slug → its place, from 1


def target_file(frame: Frame, survey: Survey, entries: tuple[Entry, ...]) -> str:
    """target.yaml."""
    lines = [
        _modeline(frame, "target"),
        *_comment(
            "What chaoskit must know about this application. Written by `chaoskit init`; yours from now "
            "on. docs/target-file.md has every key."
        ),
        f"title: {_sentence(frame.title)}",
    ]
    if frame.compose:
        lines += [
            "# The Compose file stays where it is, so that its build contexts, env files and volumes do.",
            f"compose: {_text(frame.compose)}",
        ]
    lines += ["", *_entrypoints(entries), "", *_ready(frame, entries), "", *_redundancy(survey)]
    return "\n".join([*lines, "", *_healers(survey)]) + "\n"


def _entrypoints(entries: tuple[Entry, ...]) -> Iterator[str]:
    yield "# Each name is an address in experiments, as ${name}. Ports are free ones of 127.0.0.1 in a run."
    yield "entrypoints:"
    for one in entries:
        inside = f"service: {_text(one.service)}, port: {one.port}, scheme: {one.scheme}"
        note = "" if one.front else "  # not asked: users come in elsewhere"
        yield f"  {one.name}: {{{inside}}}{note}"


def _ready(frame: Frame, entries: tuple[Entry, ...]) -> Iterator[str]:
    front = next((one for one in entries if one.front and one.scheme != "https"), None)
    if front is None:
        yield "ready: {timeout: 120s}"
        return
    yield "# When it may be broken: all containers up, and this address answers."
    address = f"${{{front.name}}}{frame.path or '/' if front.web else ''}"
    status = "" if not front.web else ", status: 200-399" if frame.path else ", status: 200-499"
    yield f'ready: {{probe: "{address}"{status}, timeout: 120s}}'


def _redundancy(survey: Survey) -> Iterator[str]:
    yield "# Full strength: so many instances up, and healthy where a health check says so."
    yield "redundancy:"
    for one in survey.services:
        if one.one_shot:
            yield f"  # {one.name} runs once and ends"
        else:
            yield f"  {_text(one.name)}: {one.instances}"


def _healers(survey: Survey) -> Iterator[str]:
    restarted = [one.name for one in survey.services if one.restarted and not one.one_shot]
    if restarted:
        yield from _comment(
            f"What repairs it. Restarted by the engine: {', '.join(restarted)}. `off` switches it off, so "
            "that `chaoskit prove` can show that it was this healer. Does more heal it: a proxy's health "
            "check, a supervisor, Sentinel? `chaoskit list healers` has the kinds, with their settings."
        )
        yield "healers:"
        yield f"  - name: {RESTART}"
        yield f"    kind: {RESTART}"
        yield "    witness: {engine: true}"
        yield f"    off: {NO_RESTART}"
        return
    yield from _comment(
        "Nothing in the Compose file repairs anything: no service has `restart:`. Once one has, add:"
    )
    yield "# healers:"
    yield f"#   - {{name: {RESTART}, kind: {RESTART}, witness: {{engine: true}}}}"


def no_restart_file(survey: Survey) -> str:
    """The override that switches the engine's restarts off; empty when there are none."""
    restarted = [one for one in survey.services if one.restarted and not one.one_shot]
    if not restarted:
        return ""
    head = [
        "# The same application with nobody who starts a dead process again: what a control arm runs on.",
        "services:",
    ]
    return (
        "\n".join([*head, *(f'  {_text(one.name)}: {{restart: "no"}}' for one in restarted)]) + "\n"
    )


def experiment_file(frame: Frame, idea: Idea, survey: Survey) -> str:
    """One experiment, with the reasons for it on top."""
    story = idea.story
    head = [
        _modeline(frame, "experiment"),
        f"# {frame.order[idea.slug]} of {len(frame.order)}; expected learning: {idea.expected}.",
        "#",
        *_comment(f"Why: {story.why}"),
        *_comment(f"Likely verdict: {story.likely}, since {story.because}"),
        *_comment(f"Otherwise: {story.otherwise}"),
        *_comment(_doubt(idea, frame, survey)),
    ]
    return "\n".join([*head, *_experiment(frame, idea)]) + "\n"


def _doubt(idea: Idea, frame: Frame, survey: Survey) -> str:
    """What this experiment cannot know."""
    services = [one.service for one in idea.asked]
    service = idea.arguments["service"]
    if not any(service in survey.reached_from(one) for one in services):
        return (
            f"Beware: nothing in the Compose file says that {' or '.join(services)} needs {service}. When "
            "it does not, only `redundancy` is tested here."
        )
    if not frame.path and any(one.web for one in idea.asked):
        checks = [survey.named(one).check for one in services]
        known = next((one.path for one in checks if one and one.path not in {"", "/"}), "")
        hint = (
            f" (the health check asks {known}, which says less than a page does)" if known else ""
        )
        return (
            "Beware: / is asked, and any answer below 500 counts, because nobody said which page users "
            f"need{hint}. Put a page that needs everything, and its status, into `probes` below."
        )
    return ""


def _experiment(frame: Frame, idea: Idea) -> Iterator[str]:
    story = idea.story
    yield "version: 1.0.0"
    yield f"title: {_sentence(story.title)}"
    yield "description: >-"
    yield from textwrap.wrap(story.claim, _WIDTH, initial_indent="  ", subsequent_indent="  ")
    yield f"tags: [{', '.join(story.tags)}]"
    yield "extensions:"
    yield "  - name: chaoskit"
    yield f"    target: {_text(frame.target)}"
    yield "    probing: {rate: 10, timeout: 2s}"
    watch = seconds(idea.watch_s)
    yield f"    phases: {{baseline: 3s, watch: {watch}, stable: 3s, settle: 10s}}"
    yield "    trials: {plan: pr}       # five; `--trials 1` for a first look"
    if idea.ledger:
        yield f"    ledger: {{{_inline(idea.ledger)}}}"
    yield "    budgets:                 # what you promise; make them yours"
    for measure, bound in idea.budgets.items():
        yield f"      {measure}: {bound}"
    if idea.healed_by:
        yield f"    healed_by: [{', '.join(idea.healed_by)}]"
    yield "controls:                    # for a plain `chaos run`: finds the standing target, lifts at the end"
    yield "  - name: chaoskit"
    yield "    provider: {type: python, module: chaoskit.control}"
    yield from _hypothesis(frame, idea)
    yield "method:"
    yield "  - type: action"
    yield f"    name: {_text(idea.slug)}"
    yield "    provider:"
    yield "      type: python"
    yield f"      module: chaoskit.faults.{idea.fault}"
    yield "      func: inject"
    yield f"      arguments: {{{_inline(idea.arguments)}}}"
    yield "rollbacks: []"


def _hypothesis(frame: Frame, idea: Idea) -> Iterator[str]:
    yield "steady-state-hypothesis:"
    yield f"  title: {_sentence(' and '.join(one.service for one in idea.asked) + ' can be used')}"
    yield "  probes:"
    for one in idea.asked:
        yield "    - type: probe"
        yield f"      name: {_text(one.name.removesuffix('_url').replace('_', '-'))}"
        if one.web:
            verify = ", verify_tls: false" if one.scheme == "https" else ""
            yield f"      tolerance: {_GOOD_PAGE if frame.path else _ANY_PAGE}  # from, to"
            url = _text(f"${{{one.name}}}{frame.path or '/'}")
            yield f"      provider: {{type: http, url: {url}, timeout: 2{verify}}}"
            continue
        module, function, argument = _PROBES[one.scheme]
        arguments = f'{{{argument}: "${{{one.name}}}", timeout: 2}}'
        yield "      tolerance: true"
        yield f"      provider: {{type: python, module: {module}, func: {function}, arguments: {arguments}}}"


def _modeline(frame: Frame, kind: str) -> str:
    return f"# yaml-language-server: $schema={frame.schemas[kind]}"


def _comment(text: str) -> list[str]:
    return (
        textwrap.wrap(text, _WIDTH, initial_indent="# ", subsequent_indent="#   ") if text else []
    )


def _inline(values: Mapping[str, str]) -> str:
    return ", ".join(f"{key}: {_text(value)}" for key, value in values.items())


def _text(text: str) -> str:
    """A word as YAML reads it back, bare where nothing can be mistaken."""
    plain = re.fullmatch(r"[A-Za-z][\w-]*|\d+(ms|s)?", text) and text.lower() not in _NOT_TEXTS
    return text if plain else json.dumps(text, ensure_ascii=False)


def _sentence(text: str) -> str:
    """A text that stands alone in its line."""
    plain = re.fullmatch(r"[A-Za-z][\w ,.%/-]*\w", text) and text.lower() not in _NOT_TEXTS
    return text if plain else json.dumps(text, ensure_ascii=False)
