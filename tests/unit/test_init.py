"""`chaoskit init` on five applications as people publish them, and on Compose files with quirks.

No engine is needed: Docker Compose's own binary says what a Compose file means.
"""

import contextlib
import json
import shutil
import tomllib
from pathlib import Path
from types import SimpleNamespace

import pytest
import yaml
from click.testing import CliRunner
from jsonschema import Draft202012Validator

from chaoskit.cli import cli
from chaoskit.cli.demo_command import DATA
from chaoskit.errors import ChaoskitError
from chaoskit.plan.experiments import load_all
from chaoskit.plan.report import Report
from chaoskit.plan.targets import TargetShelf
from chaoskit.plan.tree import plain
from chaoskit.plan.yamltree import read_tree
from chaoskit.target.compose_cli import read_config

APPS = Path(__file__).parents[1] / "apps"
NAMES = ("bookshop", "guestbook", "noticeboard", "storefront", "thumbnails")


def chaoskit(*arguments, cwd):
    """The command in this process: a start of Python for each would cost minutes."""
    with contextlib.chdir(cwd):
        done = CliRunner().invoke(cli, [str(one) for one in arguments])
    if isinstance(done.exception, ChaoskitError):
        return SimpleNamespace(returncode=done.exception.exit_code, stderr=str(done.exception))
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exc_info
    return SimpleNamespace(returncode=done.exit_code, stdout=done.stdout, stderr=done.stderr)


def begun(folder, *arguments):
    done = chaoskit("init", *arguments, cwd=folder)

    assert done.returncode == 0, done.stderr
    return done.stdout


def files_in(folder):
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def loaded(folder, name):
    shelf = TargetShelf(folder / "targets")
    return shelf.load(name), load_all((folder / "experiments" / name,), shelf)


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """A folder with all five, and what `init` made of them."""
    folder = tmp_path_factory.mktemp("project")
    shutil.copytree(APPS, folder, dirs_exist_ok=True)
    told = {name: begun(folder, name) for name in NAMES}
    return folder, told


@pytest.mark.parametrize("name", NAMES)
def test_what_is_written_is_valid_and_prints_three_commands(project, name):
    folder, told = project

    done = chaoskit("validate", f"experiments/{name}", cwd=folder)

    assert done.returncode == 0, done.stderr
    after = told[name].partition("Next:\n")[2].splitlines()
    assert [line.split()[:2] for line in after] == [
        ["chaoskit", "plan"],
        ["chaoskit", "run"],
        ["chaoskit", "run"],
    ]
    planned = chaoskit(*after[0].split()[1:], cwd=folder)
    assert planned.returncode == 0, planned.stderr


@pytest.mark.parametrize("name", NAMES)
def test_the_build_contexts_are_where_they_were(project, name):
    folder, _ = project
    spec, _ = loaded(folder, name)

    config = read_config([spec.compose_file], "x")

    assert spec.compose_file.resolve().parent == folder / name
    contexts = [one["build"]["context"] for one in config["services"].values()]
    assert contexts
    assert all(Path(one).is_dir() for one in contexts)


@pytest.mark.parametrize("name", NAMES)
def test_editors_find_the_schema_that_the_first_line_names(project, name):
    folder, _ = project
    written = [
        folder / "targets" / name / "target.yaml",
        *(folder / "experiments" / name).glob("*.yaml"),
    ]

    for path in written:
        first = path.read_text().splitlines()[0]
        schema = path.parent / first.removeprefix("# yaml-language-server: $schema=")
        data = plain(read_tree(path, Report(str(path))))
        assert list(Draft202012Validator(json.loads(schema.read_text())).iter_errors(data)) == []


@pytest.mark.parametrize(
    ("name", "strength", "entrypoints", "healed"),
    [
        ("bookshop", {"db": 1, "web": 1}, {"web_url": "http"}, True),
        ("guestbook", {"cache": 1, "web": 1}, {"web_url": "http"}, True),
        ("noticeboard", {"board": 1, "notices": 1}, {"board_url": "http"}, False),
        (
            "storefront",
            {"catalogue": 2, "gateway": 1, "prices": 1},
            {"gateway_url": "http"},
            True,
        ),
        (
            "thumbnails",
            {"api": 1, "queue": 1, "thumbnailer": 1, "worker": 1},
            {"api_url": "http", "queue_url": "redis"},
            True,
        ),
    ],
)
def test_what_is_found_is_what_is_there(project, name, strength, entrypoints, healed):
    folder, _ = project
    spec, _ = loaded(folder, name)

    assert {one.service: one.instances for one in spec.strengths} == strength
    assert {one.name: one.scheme for one in spec.entrypoints} == entrypoints
    assert [one.name for one in spec.healers] == (["docker-restart"] if healed else [])


@pytest.mark.parametrize(
    ("name", "first", "also"),
    [
        ("bookshop", "hang-db", {"crash-web", "crash-db", "web-without-db", "slow-db-for-web"}),
        ("guestbook", "hang-web", {"crash-cache", "web-without-cache"}),
        ("noticeboard", "crash-board", {"board-without-notices", "hang-notices"}),
        ("storefront", "hang-one-catalogue", {"crash-one-catalogue", "crash-gateway"}),
        ("thumbnails", "data-of-queue", {"api-without-queue", "crash-queue"}),
    ],
)
def test_the_most_instructive_experiment_comes_first(project, name, first, also):
    folder, _ = project
    _, experiments = loaded(folder, name)
    slugs = [one.path.stem.partition("-")[2] for one in experiments]

    assert slugs[0] == first
    assert also < set(slugs)
    assert len(slugs) <= 8


def test_only_restarted_services_claim_that_the_engine_heals_them(project):
    folder, _ = project
    for name in NAMES:
        override = folder / "targets" / name / "compose.no-restart.yaml"
        restarted = (
            set(yaml.safe_load(override.read_text())["services"]) if override.is_file() else set()
        )
        _, experiments = loaded(folder, name)
        for one in experiments:
            if one.healed_by:
                assert one.faults[0].arguments["service"] in restarted


def test_every_experiment_says_why_and_what_to_expect(project):
    folder, _ = project
    for path in (folder / "experiments").rglob("*.yaml"):
        text = path.read_text()

        assert "# Why: " in text
        assert "# Likely verdict: " in text
        assert "# Otherwise: " in text
        assert max(map(len, text.splitlines())) <= 110


def test_nothing_is_ever_overwritten(project):
    folder, _ = project
    before = files_in(folder)

    done = chaoskit("init", "bookshop", cwd=folder)

    assert done.returncode == 2
    assert "targets/bookshop/target.yaml: is there already" in done.stderr
    assert files_in(folder) == before


def test_one_file_that_is_there_keeps_all_others_from_being_written(tmp_path):
    shutil.copytree(APPS / "noticeboard", tmp_path / "noticeboard")
    mine = tmp_path / "experiments" / "noticeboard" / "02-hang-board.yaml"
    mine.parent.mkdir(parents=True)
    mine.write_text("mine\n")

    done = chaoskit("init", "noticeboard", cwd=tmp_path)

    assert done.returncode == 2
    assert mine.read_text() == "mine\n"
    assert not (tmp_path / "targets").exists()


def compose(folder, text):
    (folder / "compose.yaml").write_text(text)
    return folder


def test_a_target_folder_of_its_own_needs_no_path(tmp_path):
    folder = tmp_path / "targets" / "shop"
    shutil.copytree(APPS / "noticeboard", folder)

    begun(tmp_path, folder)

    assert "compose:" not in (folder / "target.yaml").read_text()
    assert chaoskit("validate", "experiments/shop", cwd=tmp_path).returncode == 0


def test_ports_in_every_way_that_compose_knows(tmp_path):
    compose(
        tmp_path,
        """
services:
  web:
    image: shop:1
    ports: ["8443:443", "127.0.0.1:8080:80", "5353:53/udp", {target: 9000, published: "9100"}]
  mail:
    image: mailhog/mailhog
    ports: ["1025", "8025"]
  db:
    image: docker.io/library/postgres:16-alpine
    ports: ["5432:5432"]
""",
    )

    begun(tmp_path, "--name", "shop")
    spec, experiments = loaded(tmp_path, "shop")

    schemes = {one.name: (one.port, one.scheme) for one in spec.entrypoints}
    assert schemes == {
        "web_url": (443, "https"),
        "web_80_url": (80, "http"),
        "web_9000_url": (9000, "http"),
        "mail_url": (1025, "tcp"),
        "mail_8025_url": (8025, "http"),
        "db_url": (5432, "postgresql"),
    }
    assert spec.ready_url == "${web_80_url}/"
    asked = {probe.name for one in experiments for probe in one.probes}
    assert asked == {"web-80", "web-9000"}
    assert "mail" not in {one.faults[0].arguments["service"] for one in experiments}


@pytest.mark.parametrize(
    ("service", "module"),
    [
        ("image: redis:7\n    ports: ['6379']", "chaoskit.probes.redis"),
        ("image: postgres:16\n    ports: ['5432']", "chaoskit.probes.postgres"),
        ("image: mysql:8\n    ports: ['3306']", "chaoskit.probes.port"),
    ],
)
def test_a_database_alone_is_asked_in_its_own_language(tmp_path, service, module):
    compose(tmp_path, f"services:\n  it:\n    {service}\n    restart: always\n")

    begun(tmp_path, "--name", "alone")
    _, experiments = loaded(tmp_path, "alone")

    assert {one.probes[0].provider["module"] for one in experiments} == {module}
    assert ("redis" in service) == any(one.ledger for one in experiments)


def test_a_redis_with_a_password_gets_no_ledger(tmp_path):
    compose(
        tmp_path,
        "services:\n  it:\n    image: redis:7\n    command: redis-server --requirepass x\n"
        "    ports: ['6379']\n    restart: always\n",
    )

    begun(tmp_path, "--name", "it")
    _, experiments = loaded(tmp_path, "it")

    assert not any(one.ledger for one in experiments)


def test_what_is_exposed_is_asked_when_nothing_is_published(tmp_path):
    compose(tmp_path, 'services:\n  web:\n    image: shop:1\n    expose: ["3000"]\n')

    begun(tmp_path, "--name", "shop")

    assert loaded(tmp_path, "shop")[0].entrypoints[0].port == 3000


def test_needs_are_read_from_addresses_in_the_environment(tmp_path):
    compose(
        tmp_path,
        """
services:
  web:
    image: shop:1
    ports: ["80"]
    environment: {DATABASE_URL: "postgres://u:p@database/x", CACHE_HOST: cache, MODE: web, PLACE: other}
  database: {image: "postgres:16"}
  cache: {image: "redis:7"}
  other: {image: "other:1"}
""",
    )

    told = begun(tmp_path, "--name", "shop")

    assert "needs cache, database" in told


def test_profiles_overrides_images_and_unset_variables_are_mentioned(tmp_path):
    compose(
        tmp_path,
        """
services:
  web: {image: "shop:${TAG}", ports: ["80"]}
  debug: {image: "debug:1", profiles: [debug]}
""",
    )
    (tmp_path / "compose.override.yaml").write_text("services: {}\n")

    told = begun(tmp_path, "--name", "shop")

    assert "only a profile starts them: debug" in told
    assert "compose.override.yaml is beside compose.yaml and is not used" in told
    assert "TAG" in told
    assert "come from a registry: shop:" in told


def test_services_whose_names_yaml_would_misread(tmp_path):
    compose(
        tmp_path,
        "services:\n  'on': {image: 'a:1', ports: ['80'], restart: always}\n"
        "  my.web-app: {image: 'b:1', ports: ['81'], depends_on: ['on']}\n",
    )

    begun(tmp_path, "--name", "odd")
    spec, experiments = loaded(tmp_path, "odd")

    assert {one.service for one in spec.entrypoints} == {"on", "my.web-app"}
    assert {one.faults[0].arguments["service"] for one in experiments} == {"on", "my.web-app"}


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("services:\n  web: {image: 'a:1'}\n", "nothing can be asked from outside"),
        ("services: {}\n", "nothing can be asked from outside"),
        ("services:\n  web: {imag: a}\n", "Docker Compose refuses it"),
        ("services:\n  web: {image: a, env_file: nowhere.env}\n", "nowhere.env"),
        ("services: [\n", "Docker Compose refuses it"),
        ("", "Docker Compose refuses it"),
    ],
    ids=["no port", "no service", "unknown key", "no env file", "torn", "empty"],
)
def test_a_compose_file_that_cannot_be_used_is_one_clear_message(tmp_path, text, says):
    compose(tmp_path, text)

    done = chaoskit("init", "--name", "x", cwd=tmp_path)

    assert done.returncode == 2
    assert says in done.stderr
    assert "compose.yaml" in done.stderr
    assert [one.name for one in tmp_path.iterdir()] == ["compose.yaml"]


def test_without_a_compose_file_it_says_what_it_looked_for(tmp_path):
    nothing = chaoskit("init", cwd=tmp_path)
    missing = chaoskit("init", "nowhere.yaml", cwd=tmp_path)

    assert nothing.returncode == missing.returncode == 2
    assert "docker-compose.yml" in nothing.stderr
    assert "nowhere.yaml: no such file or folder" in missing.stderr


@pytest.mark.parametrize(
    ("ci", "path"),
    [
        ("github", ".github/workflows/chaoskit.yml"),
        ("gitlab", ".gitlab-ci.yml"),
        ("jenkins", "Jenkinsfile"),
        ("azure", "azure-pipelines.yml"),
    ],
)
def test_a_pipeline_is_written_where_its_ci_looks_for_it(tmp_path, ci, path):
    told = begun(tmp_path, "--ci", ci)

    text = (tmp_path / path).read_text()
    assert "chaoskit ci" in text
    assert "Copy to" not in text
    assert f"wrote {path}" in told
    if ci != "jenkins":
        assert yaml.safe_load(text)
    assert chaoskit("init", "--ci", ci, cwd=tmp_path).returncode == 2


def test_pipeline_and_makefile_come_with_a_compose_file_too(tmp_path):
    shutil.copytree(APPS / "noticeboard", tmp_path / "noticeboard")

    begun(tmp_path, "noticeboard", "--ci", "gitlab", "--make", "--path", "all")

    assert (tmp_path / ".gitlab-ci.yml").is_file()
    assert "$(CHAOSKIT) run" in (tmp_path / "chaoskit.mk").read_text()
    spec, experiments = loaded(tmp_path, "noticeboard")
    assert spec.ready_url == "${board_url}/all"
    assert spec.ready_status == (200, 399)
    assert {one.probes[0].tolerance[1] for one in experiments} == {399}


def test_a_pipeline_that_is_there_keeps_everything_from_being_written(tmp_path):
    shutil.copytree(APPS / "noticeboard", tmp_path / "noticeboard")
    (tmp_path / "Jenkinsfile").write_text("mine\n")

    done = chaoskit("init", "noticeboard", "--ci", "jenkins", cwd=tmp_path)

    assert done.returncode == 2
    assert not (tmp_path / "targets").exists()
    assert (tmp_path / "Jenkinsfile").read_text() == "mine\n"


def test_the_demo_is_valid_and_part_of_the_package():
    shelf = TargetShelf(DATA / "targets")
    (experiment,) = load_all((DATA / "experiments",), shelf)
    patterns = tomllib.loads((APPS.parents[1] / "pyproject.toml").read_text())["tool"]["setuptools"]
    package = DATA.parents[1]
    packed = {one for glob in patterns["package-data"]["chaoskit"] for one in package.glob(glob)}

    assert experiment.target == "demo"
    assert {one for one in DATA.rglob("*") if one.is_file()} <= packed
    assert package / "cli" / "templates" / "chaoskit.mk" in packed
