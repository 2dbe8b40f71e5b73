"""`chaoskit init`: a first target and first experiments for anybody's Compose file."""

import re
import shlex
from pathlib import Path
from typing import TYPE_CHECKING

import click

from chaoskit.cli.options import PathArgument, targets_option

if TYPE_CHECKING:
    from chaoskit.scaffold.begin import Begun

TEMPLATES = Path(__file__).parent / "templates"
CI_FILES = {
    "github": ("ci/github.yml", Path(".github/workflows/chaoskit.yml")),
    "gitlab": ("ci/gitlab-ci.yml", Path(".gitlab-ci.yml")),
    "jenkins": ("ci/Jenkinsfile", Path("Jenkinsfile")),
    "azure": ("ci/azure-pipelines.yml", Path("azure-pipelines.yml")),
}
MAKE_FILE = ("chaoskit.mk", Path("chaoskit.mk"))

_WHERE = re.compile(r" Copy to .*$", re.MULTILINE)


@click.command()
@click.argument("compose", required=False, type=PathArgument())
@click.option("--name", default="", help="Name of the target; without it, the folder's.")
@click.option(
    "--path", "page", default="", help="The page that users need, such as /orders; without it, /."
)
@click.option(
    "--most", type=click.IntRange(1, 99), default=8, show_default=True, help="Experiments at most."
)
@click.option("--ci", type=click.Choice(tuple(CI_FILES)), help="Write a pipeline's file as well.")
@click.option("--make", "make", is_flag=True, help="Write chaoskit.mk, for a Makefile, as well.")
@targets_option()
@click.option(
    "--experiments",
    type=PathArgument(),
    default=Path("experiments"),
    show_default=True,
    help="Folder with the experiments.",
)
def command(
    *,
    compose: Path | None,
    name: str,
    page: str,
    most: int,
    ci: str | None,
    make: bool,
    targets: Path,
    experiments: Path,
) -> None:
    """Write a target and first experiments for a Compose file.

    COMPOSE is the file, or the folder that it is in; without it, the current folder's. It is read
    and left as it is. Nothing is started, nothing is asked, and nothing is ever overwritten. With
    --ci or --make, and without COMPOSE, only those files are written.
    """
    from chaoskit.scaffold.begin import Wish, begin  # noqa: PLC0415
    from chaoskit.scaffold.write import refuse_present, write_new  # noqa: PLC0415

    extra = _templates(ci, make=make)
    if compose is None and extra:
        write_new(extra)
        _say_written(tuple(extra))
        return
    refuse_present(extra)
    wish = Wish(
        compose=compose,
        targets=targets,
        experiments=experiments,
        name=name,
        path=_page(page),
        most=most,
    )
    begun = begin(wish)
    write_new(extra)
    _say(begun, tuple(extra), targets)


def _page(written: str) -> str:
    return f"/{written.removeprefix('/')}" if written else ""


def _templates(ci: str | None, *, make: bool) -> dict[Path, str]:
    """Path → text of the files that belong to no target."""
    wanted = [*([CI_FILES[ci]] if ci else []), *([MAKE_FILE] if make else [])]
    return {
        path: _WHERE.sub(
            " Written by `chaoskit init`.", (TEMPLATES / name).read_text(encoding="utf-8"), count=1
        )
        for name, path in wanted
    }


def _say(begun: "Begun", extra: tuple[Path, ...], targets: Path) -> None:
    for one in begun.survey.services:
        click.echo(f"  {one.summary}")
    click.echo()
    _say_written((*begun.written, *extra))
    for note in begun.notes:
        click.echo(f"note: {note}")
    folder = shlex.quote(str(begun.first.parent))
    options = "" if str(targets) == "targets" else f" --targets {shlex.quote(str(targets))}"
    click.echo("\nNext:")
    click.echo(f"  chaoskit plan {folder}{options}")
    click.echo(f"  chaoskit run {shlex.quote(str(begun.first))} --trials 1{options}")
    click.echo(f"  chaoskit run {folder}{options}")


def _say_written(paths: tuple[Path, ...]) -> None:
    for path in paths:
        click.echo(f"wrote {path}")
