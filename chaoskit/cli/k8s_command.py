"""`chaoskit k8s`: what a cluster is given beforehand, and what sweeps it when nobody else does."""

import sys
from pathlib import Path
from typing import Any

import click

from chaoskit.cli import completing
from chaoskit.cli.options import targets_option

_HEALER = "A kind that the cluster's watches bear witness for; repeatable."


@click.group()
def command() -> None:
    """What a cluster must be given: roles, Jobs, and a sweeper of lapsed leases."""


@command.command()
@click.argument("faults", nargs=-1)
@click.option("--namespace", help="For a target that stands there already.")
@click.option("--account", default="chaoskit", show_default=True, help="The service account.")
@click.option("--healer", "healers", multiple=True, help=_HEALER)
@click.option("--port-forward", "forwarded", is_flag=True, help="For a target entered through one.")
@click.option(
    "--target",
    shell_complete=completing.targets,
    help="Whose objects, healers, prober and namespace they are for.",
)
@targets_option()
@click.option("--prober", is_flag=True, help="Without --target: also for a prober in a pod.")
@click.option("--prober-namespace", help="Where that pod is, if not with the target.")
def rbac(
    *,
    faults: tuple[str, ...],
    namespace: str | None,
    account: str,
    healers: tuple[str, ...],
    forwarded: bool,
    target: str | None,
    targets: Path,
    **prober: Any,
) -> None:
    """Print the least rights that FAULTS need, as manifests; without any, for all of them.

    Without --target, the rights to make a target's own objects are left out: nobody knows its kinds.
    """
    from chaoskit import cluster_manifests as printing  # noqa: PLC0415

    more = (*printing.witnessing(healers), *(printing.FORWARDING if forwarded else ()))
    if target is None:
        found = printing.roles(faults, namespace=namespace, account=account, more=more)
        if any(prober.values()):
            where = prober["prober_namespace"] or namespace
            found += printing.prober_roles(where, account=account, home=namespace)
    elif any(prober.values()):
        message = "the target itself says whether its prober is in a pod: leave --prober out"
        raise click.UsageError(message)
    else:
        from chaoskit.plan.targets import TargetShelf  # noqa: PLC0415

        spec = TargetShelf(targets).load(target)
        printing.cluster_of(spec, namespace)
        found = printing.roles_for(spec, faults, account=account, more=more)
    click.echo(found, nl=False)


@command.command()
@click.argument("experiments", nargs=-1, required=True)
@click.option(
    "--target",
    shell_complete=completing.targets,
    help="Whose namespace, healers, entry and prober the rights are for.",
)
@targets_option()
@click.option("--namespace", help="Without --target: where the target stands.")
@click.option("--image", required=True, help="With chaoskit and the experiments in it.")
@click.option("--fault", "faults", multiple=True, required=True, help="What they do; repeatable.")
@click.option("--healer", "healers", multiple=True, help=_HEALER)
@click.option("--home", default="chaoskit", show_default=True, help="Where chaoskit itself runs.")
@click.option("--name", default="chaoskit", show_default=True, help="The Job's name.")
@click.option("--schedule", default="", help="A CronJob: '0 3 * * *'.")
@click.option("--deadline", default="1h", show_default=True, help="The longest it may take.")
@click.option("--storage", default="1Gi", show_default=True, help="Of the volume for the results.")
@click.option("--publish", default="", help="Results to a store, not a volume: s3://BUCKET/PREFIX.")
@click.option("--credentials", default="", help="The Secret with the store's environment.")
def job(*, target: str | None, targets: Path, namespace: str | None, **wanted: Any) -> None:
    """Print manifests that run EXPERIMENTS, paths in the image, in the cluster; and the sweeper."""
    from chaoskit.cluster_job import InCluster, manifests  # noqa: PLC0415

    if target is not None:
        from chaoskit.plan.targets import TargetShelf  # noqa: PLC0415

        wanted["target"] = TargetShelf(targets).load(target)
    elif namespace is None:
        message = "name the target, --target, or where it stands, --namespace"
        raise click.UsageError(message)
    wanted["namespace"] = namespace or ""
    click.echo(manifests(InCluster(**wanted)), nl=False)


@command.command()
@click.option("--namespace", required=True, help="Whose lapsed leases are swept.")
@click.option("--once", is_flag=True, help="Look once, and end.")
@click.option("--every", default=10.0, show_default=True, help="Seconds between two looks.")
@click.option("--context", default="", help="Of the cluster's configuration.")
def sweep(*, namespace: str, once: bool, every: float, context: str) -> None:
    """Lift faults whose lease nobody renews any more, wherever their harness has gone."""
    from chaoskit.run.sweep import sweep as run  # noqa: PLC0415

    sys.exit(run(context, namespace, once=once, every_s=every, tell=click.echo))
