"""What a shell offers for names that only files know: experiments, tags, targets, runs, budgets.

Asked on every press of the tab key, so nothing is loaded that a glance at the files does not need, and
a file that cannot be read offers nothing.
"""

import re
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path

import click
from click.shell_completion import CompletionItem

_TAGS = re.compile(r"^tags:\s*\[(.*?)\]|^tags:\s*\n((?:\s*-\s.*\n)+)", re.MULTILINE)
_TITLE = re.compile(r"^title:\s*[\"']?(.*?)[\"']?\s*$", re.MULTILINE)
_MOST_BYTES = 100_000


def targets(ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Names of target folders."""
    root = Path(ctx.params.get("targets") or "targets")
    found = {path.parent.name: _title(path) for path in sorted(root.glob("*/target.yaml"))}
    return _items(found.items(), incomplete)


def experiments(
    _ctx: click.Context, _param: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    """Experiments, and folders of them; whatever file there is when none fits."""
    root = Path("experiments")
    folders = {str(one.parent): "" for one in _experiments()}
    files = {str(one): _title(one) for one in _experiments()}
    named = [(str(root), ""), *sorted(folders.items()), *files.items()]
    return _items(dict(named).items(), incomplete) or [CompletionItem(incomplete, type="file")]


def tags(_ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Every tag that an experiment has."""
    found: set[str] = set()
    for path in _experiments():
        for flow, block in _TAGS.findall(_text(path)):
            found |= {one.strip(" \t\"'-") for one in re.split(r"[,\n]", flow or block)}
    return _items(((one, "") for one in sorted(found - {""})), incomplete)


def budgets(_ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Measures, with the sign that the bound follows."""
    from chaoskit.measures.base import catalogue  # noqa: PLC0415

    return _items(((f"{name}=", one.about) for name, one in catalogue().items()), incomplete)


def runs(ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Folders of stored runs, the newest first; whatever folder there is when none fits."""
    root = Path(ctx.params.get("reports") or "reports")
    found = sorted((str(one.parent) for one in root.glob("*/journal.json")), reverse=True)
    return _items(((one, "") for one in found), incomplete) or [
        CompletionItem(incomplete, type="dir")
    ]


def _experiments() -> Iterator[Path]:
    for suffix in ("yaml", "yml", "json"):
        yield from sorted(Path("experiments").glob(f"**/*.{suffix}"))


def _items(found: Iterable[tuple[str, str]], incomplete: str) -> list[CompletionItem]:
    return [
        CompletionItem(name, help=about or None)
        for name, about in found
        if name.startswith(incomplete)
    ]


def _title(path: Path) -> str:
    found = _TITLE.search(_text(path))
    return found[1] if found else ""


def _text(path: Path) -> str:
    with suppress(OSError), path.open(encoding="utf-8", errors="replace") as file:
        return file.read(_MOST_BYTES)
    return ""
