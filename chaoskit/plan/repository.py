"""Where a file stands in its repository: CIs find a file by its path from there, and by no other."""

import os
import subprocess
from pathlib import Path


def in_repository(path: Path) -> str:
    """The path from the root of the repository that it is in; as it is, where it is in none.

    Links are followed nowhere: a CI knows a file by the name that it is checked out under.
    """
    full = Path(os.path.abspath(path))  # noqa: PTH100  # resolve() would follow links
    root = next((one for one in full.parents if (one / ".git").exists()), None)
    return str(path) if root is None else full.relative_to(root).as_posix()


def revision(folder: Path) -> dict[str, str]:
    """The commit and the branch that are checked out in a folder, as far as they can be told.

    CIs check out a commit without a branch, and name it in a variable of their own.
    """
    told = {"commit": _git(folder, "rev-parse", "HEAD"), "branch": _branch(folder)}
    if told["commit"] and _git(folder, "status", "--porcelain", "--untracked-files=no"):
        told["commit"] += " and changes"
    return {key: value for key, value in told.items() if value}


_BRANCHES = ("GITHUB_HEAD_REF", "GITHUB_REF_NAME", "CI_COMMIT_REF_NAME", "BUILD_SOURCEBRANCHNAME")


def _branch(folder: Path) -> str:
    named = next((os.environ[name] for name in _BRANCHES if os.environ.get(name)), "")
    return named or _git(folder, "branch", "--show-current")


def _git(folder: Path, *words: str) -> str:
    """What git says; nothing where there is no git, no repository, or no answer."""
    try:
        done = subprocess.run(
            ["git", "-C", str(folder), *words],  # noqa: S607  # the one on PATH is the user's
            capture_output=True,
            text=True,
            timeout=10,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""
