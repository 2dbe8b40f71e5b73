"""`chaoskit explain`: the offline manual, a page a name."""

import json
from dataclasses import asdict

import click
from click.shell_completion import CompletionItem

from chaoskit.cli.options import json_option
from chaoskit.errors import InputError, Problem

_WIDEST = 100
_KINDS = "faults, verdicts, measures, healers, probes, error codes and exit codes have pages"


def _complete(
    _ctx: click.Context, _param: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    from chaoskit.manual.pages import names  # noqa: PLC0415

    found = {name: kind for name, kind in names().items() if name.startswith(incomplete)}
    return [CompletionItem(name, help=kind) for name, kind in sorted(found.items())]


@click.command()
@click.argument("name", shell_complete=_complete)
@json_option()
def command(*, name: str, as_json: bool) -> None:
    """Explain a fault, verdict, measure, healer, probe, error code or exit code.

    For example: crash, not_healed, recovery, haproxy-check, http, CK101, 3, exit-codes.
    """
    import shutil  # noqa: PLC0415
    from difflib import get_close_matches  # noqa: PLC0415

    from chaoskit.faults.base import catalogue, shelf  # noqa: PLC0415
    from chaoskit.manual.pages import Page, names, pages  # noqa: PLC0415
    from chaoskit.plan.fault_manual import manual_of  # noqa: PLC0415

    width = min(_WIDEST, shutil.get_terminal_size().columns)
    found = list(pages(name, width))
    if not found:
        told = shelf().refused.get(name)
        near = get_close_matches(name, names(), n=1)
        hint = f"did you mean {near[0]!r}?" if near else _KINDS
        raise InputError(
            Problem(
                file="explain", message=told or f"nothing named {name!r}", hint="" if told else hint
            )
        )
    if not as_json:
        click.echo("\n\n".join(one.text(width) if isinstance(one, Page) else one for one in found))
        return
    fault = catalogue().get(name.replace("-", "_")) or catalogue().get(name)
    texts = [asdict(one) for one in found if isinstance(one, Page)]
    click.echo(json.dumps(asdict(manual_of(fault)) if fault else texts[0], indent=2))
