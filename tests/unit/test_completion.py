"""What the tab key offers: names that only the files know."""

import pytest
from click.shell_completion import BashComplete

from chaoskit.cli import cli

EXPERIMENT = "title: A crash\ntags: [crash, {tag}]\nmethod: []\n"


@pytest.fixture
def project(tmp_path, monkeypatch):
    for name, tag in (
        ("shop/01-crash", "quick"),
        ("shop/02-hang", "slow"),
        ("bar/one", '"odd tag"'),
    ):
        path = tmp_path / "experiments" / f"{name}.yaml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(EXPERIMENT.format(tag=tag))
    (tmp_path / "experiments" / "shop" / "03.yaml").write_text("tags:\n  - block\n  - crash\n")
    (tmp_path / "experiments" / "broken.yaml").write_bytes(b"tags: [\xff\xfe")
    for name in ("shop", "bar"):
        folder = tmp_path / "targets" / name
        folder.mkdir(parents=True)
        (folder / "target.yaml").write_text(f"title: The {name}\n")
    for run in ("20260101-1", "20260102-2"):
        (tmp_path / "reports" / run).mkdir(parents=True)
        (tmp_path / "reports" / run / "journal.json").write_text("{}")
    monkeypatch.chdir(tmp_path)


def offered(*words):
    *before, incomplete = words
    found = BashComplete(cli, {}, "chaoskit", "_CHAOSKIT_COMPLETE").get_completions(
        list(before), incomplete
    )
    return [one.value for one in found]


@pytest.mark.parametrize(
    ("words", "values"),
    [
        (["up", ""], ["bar", "shop"]),
        (["run", "--target", "s"], ["shop"]),
        (["run", "experiments/s"], [
            "experiments/shop",
            "experiments/shop/01-crash.yaml",
            "experiments/shop/02-hang.yaml",
            "experiments/shop/03.yaml",
        ]),
        (["run", "--tag", ""], ["block", "crash", "odd tag", "quick", "slow"]),
        (["validate", "--tag", "q"], ["quick"]),
        (["run", "--budget", "reco"], ["recovery="]),
        (["judge", "reports/"], ["reports/20260102-2", "reports/20260101-1"]),
        (["explain", "blackh"], ["blackhole"]),
        (["explain", "CK40"], [f"CK40{number}" for number in range(1, 7)]),
        (["init", "--ci", "g"], ["github", "gitlab"]),
        (["ini"], ["init"]),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)  # fmt: skip
@pytest.mark.usefixtures("project")
def test_the_tab_key_offers(words, values):
    assert offered(*words) == values


@pytest.mark.usefixtures("project")
def test_other_files_can_still_be_named():
    done = BashComplete(cli, {}, "chaoskit", "_CHAOSKIT_COMPLETE").get_completions(
        ["run"], "elsewhere/"
    )

    assert [one.type for one in done] == ["file"]
