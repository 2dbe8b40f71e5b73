"""The shelf of targets: target.yaml files, checked against the Compose files beside them."""

from pathlib import Path

from chaoskit.errors import InputError, Problem
from chaoskit.model.target import TargetSpec
from chaoskit.plan.cluster_target import load_cluster_target
from chaoskit.plan.composefile import NAMES, ComposeFile, compose_file_in, read_compose
from chaoskit.plan.report import Report, suggest
from chaoskit.plan.target_check import check_target
from chaoskit.plan.target_parts import spec_of
from chaoskit.plan.target_shape import TARGET
from chaoskit.plan.tree import Node, child, text_of
from chaoskit.plan.yamltree import read_tree

FILE = "target.yaml"


class TargetShelf:
    """The folders under a root that hold a target.yaml."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._loaded: dict[str, TargetSpec | InputError] = {}

    def names(self) -> tuple[str, ...]:
        """Every target on the shelf, sorted."""
        return tuple(sorted(path.parent.name for path in self.root.glob(f"*/{FILE}")))

    def load(self, name_or_path: str | Path) -> TargetSpec:
        """A target by its name, or by the path of its folder. Raises InputError with every mistake."""
        key = str(name_or_path)
        if key not in self._loaded:
            try:
                self._loaded[key] = load_target(self._folder(key))
            except InputError as error:
                self._loaded[key] = error
        loaded = self._loaded[key]
        if isinstance(loaded, InputError):
            raise InputError(loaded.problems)
        return loaded

    def knows(self, name_or_path: str) -> bool:
        """Whether there is such a target, good or broken."""
        try:
            self._folder(name_or_path)
        except InputError:
            return False
        return True

    def choices(self, name: str) -> str:
        """A hint for a name that is not on the shelf."""
        hint = suggest(name, self.names())
        return hint if self.names() else f"there are no targets under {self.root}"

    def _folder(self, key: str) -> Path:
        for folder in (self.root / key, Path(key)):
            if (folder / FILE).is_file():
                return folder
        problem = Problem(
            file=str(self.root), message=f"no target named {key!r}", hint=self.choices(key)
        )
        raise InputError(problem)


def load_target(folder: Path) -> TargetSpec:
    """The target in a folder. Raises InputError with every mistake of its files."""
    report = Report(str(folder / FILE))
    tree = read_tree(folder / FILE, report)
    if tree is not None:
        TARGET.check(tree, report, "the target")
    if child(tree, "kubernetes") is not None:
        assert tree is not None
        return load_cluster_target(tree, folder, report)
    compose_path, compose = _compose(folder, tree, report)
    if tree is not None:
        check_target(tree, compose, folder, report)
    report.raise_if_any()
    assert tree is not None
    assert compose_path is not None
    assert compose is not None
    return spec_of(tree, folder=folder, compose_file=compose_path, services=compose.services)


def _compose(
    folder: Path, tree: Node | None, report: Report
) -> tuple[Path | None, ComposeFile | None]:
    named = child(tree, "compose")
    name = text_of(named)
    path = folder / name if name else compose_file_in(folder)
    if path is None or not path.is_file():
        what = f"no Compose file {name!r}" if name else "no Compose file beside it"
        report.add(named, what, "" if name else f"expected {NAMES[0]}")
        return None, None
    inner = Report(str(path))
    compose = read_compose(path, inner)
    if not compose.services and not inner.problems:
        inner.add(None, "a Compose file without services")
    report.take(inner.problems)
    return path, None if inner.problems else compose
