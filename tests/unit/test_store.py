"""Runs in a store: what may leave the machine, what is refused beforehand, and the way back."""

import io
import json
import sys
from dataclasses import replace

import fsspec
import pytest
from click.testing import CliRunner

from chaoskit import pipeline
from chaoskit.ci.platforms import platform_for
from chaoskit.ci.settings import Settings, read_settings
from chaoskit.ci.stage import Stage
from chaoskit.cli import cli
from chaoskit.errors import EnvironmentUnfit, Exit, InputError, NotPublished
from chaoskit.history import rows
from chaoskit.request import Request
from chaoskit.run.folder import RunFolder
from chaoskit.store.address import DRIVERS, store_of
from chaoskit.store.fetch import at_hand, kept
from chaoskit.store.publish import MARKER, exit_code, public, publish, refuse_unfit
from tests.object_store import SECRET, ObjectStore
from tests.unit.test_joining import DEAD, HEALED, stored


@pytest.fixture(scope="module")
def s3(tmp_path_factory):
    with ObjectStore(tmp_path_factory.mktemp("s3")) as one:
        yield one


@pytest.fixture
def aws(s3, monkeypatch):
    for name, value in s3.environment.items():
        monkeypatch.setenv(name, value)
    return s3


@pytest.fixture(params=["file", "memory", "s3"])
def store(request, tmp_path):
    """An empty place in each kind of store."""
    if request.param == "s3":
        request.getfixturevalue("aws")
        return store_of(f"s3://runs/{tmp_path.name}/{tmp_path.parent.name}", "--publish")
    if request.param == "memory":
        return store_of(f"memory://{tmp_path.name}", "--publish")
    return store_of(f"file://{tmp_path}/shelf", "--publish")


@pytest.fixture
def finished(tmp_path):
    """A run as it lies there when it is over, with what must not leave the machine."""
    path = stored(tmp_path / "reports", "run-1", {"shop/crash": HEALED})
    folder = RunFolder(path)
    pipeline.render(folder.read_journal(), folder)
    (path / "faults.jsonl").write_text('{"what": "run", "password": "hunter2"}\n')
    (path / "compose").mkdir()
    (path / "compose" / "compose.yaml").write_text("environment: {PASSWORD: hunter2}\n")
    (path / ".journal.json.new").write_text("half a journal with hunter2\n")
    (path / "outside").symlink_to("/etc/hostname")
    return path


def everything(store):
    """The names and contents of all files there, relative to the store's folder."""
    files, path = store.connect()
    return {one.removeprefix(path).strip("/"): files.cat_file(one) for one in files.find(path)}


def test_a_run_goes_there_whole_but_for_what_is_private(store, finished):
    refuse_unfit(store)

    assert publish(finished, store) == f"{store.url}/run-1"
    there = everything(store)
    assert MARKER in there
    assert {"run-1/journal.json", "run-1/report.html", "run-1/junit.xml",
            "run-1/logs/shop/web.log", "run-1/trials/shop/crash/1/samples.bin"} <= set(there)  # fmt: skip
    assert {one for one in there if one != MARKER} == {f"run-1/{one}" for one in public(finished)}
    assert not any(b"hunter2" in content for content in there.values())
    assert there["run-1/journal.json"] == (finished / "journal.json").read_bytes()
    assert (finished / "faults.jsonl").exists()


def test_the_journal_goes_last(finished):
    assert public(finished)[-1] == "journal.json"
    assert "journal.json" not in public(finished)[:-1]


def test_the_undo_log_of_a_run_within_a_run_stays_too(finished, tmp_path):
    inner = finished / "runs" / "run-0"
    inner.mkdir(parents=True)
    (inner / "faults.jsonl").write_text("{}")
    (inner / "journal.json").write_text("{}")

    assert "runs/run-0/journal.json" in public(finished)
    assert not [one for one in public(finished) if "faults" in one]


def test_it_is_rendered_and_merged_from_there(store, tmp_path, finished):
    publish(finished, store)
    reports = tmp_path / "elsewhere"
    at_url = f"{store.url}/run-1"

    here = kept(at_url, reports)
    assert here == reports / "run-1"
    assert pipeline.report(here).journal == RunFolder(finished).read_journal()
    assert [one.name for one in reports.iterdir()] == ["run-1"]  # nothing else stays
    with pytest.raises(InputError, match="is there already"):
        kept(at_url, reports)

    other = stored(tmp_path / "reports", "run-2", {"shop/hang": DEAD})
    publish(other, store)
    with at_hand([store.url], reports) as both:
        assert [one.name for one in both] == ["run-1", "run-2"]
    done = CliRunner().invoke(cli, ["merge", store.url, "--reports", str(reports)])
    assert done.exit_code == Exit.EVIDENCE_AGAINST, done.output
    journal = json.loads((reports / "latest" / "journal.json").read_text())
    assert [one["name"] for one in journal["experiments"]] == ["shop/crash", "shop/hang"]


def test_the_history_is_read_off_the_runs_themselves(store, finished, tmp_path):
    publish(finished, store)
    publish(stored(tmp_path / "reports", "run-2", {"shop/crash": DEAD}), store)
    done = CliRunner().invoke(cli, ["history", store.url, "--json", "--expire-days", "1e5"])
    told = json.loads(done.output)
    assert [(one["experiment"], one["state"]) for one in told["experiments"]] == [
        ("shop/crash", "broken")
    ]
    assert told["skipped"] == []

    # together with the file that has the same run, it counts once; a torn one is told
    file = tmp_path / "history.jsonl"
    file.write_text("".join(json.dumps(one) + "\n" for one in
                            rows(RunFolder(finished).read_journal())))  # fmt: skip
    files, path = store.connect()
    files.pipe_file(f"{path}/run-3/journal.json", b'{"schema": "torn')
    done = CliRunner().invoke(cli, ["history", str(file), store.url, "--json"])
    told = json.loads(done.stdout)
    (experiment,) = told["experiments"]
    assert [point["run"] for point in experiment["points"]] == ["run-1", "run-2"]
    (skipped,) = told["skipped"]
    assert f"{store.url}: run-3/journal.json" in skipped
    assert skipped.endswith("is skipped")


def test_what_is_no_run_is_told(store, tmp_path):
    files, path = store.connect()
    files.pipe_file(f"{path}/notes/readme.txt", b"not a run")

    for url in (store.url, f"{store.url}/notes", f"{store.url}/nothing"):
        with pytest.raises(InputError, match="is not a run, and there is none right below it"):
            kept(url, tmp_path / "reports")
    assert list((tmp_path / "reports").iterdir()) == []


def test_the_report_command_takes_a_url(aws, finished, tmp_path):
    publish(finished, store_of(f"s3://runs/{tmp_path.name}", "--publish"))
    url = f"s3://runs/{tmp_path.name}/run-1"
    good = CliRunner().invoke(cli, ["report", url, "--reports", str(tmp_path / "r")])
    bad = CliRunner().invoke(cli, ["report", f"{url}9", "--reports", str(tmp_path / "r")])

    assert good.exit_code == 0, good.output
    assert str(tmp_path / "r" / "run-1" / "report.html") in good.output
    assert isinstance(bad.exception, InputError)


@pytest.mark.parametrize(
    ("url", "words"),
    [
        pytest.param("bucket/prefix", "is no address of a store", id="a path"),
        pytest.param("s3:/bucket", "is no address of a store", id="one slash"),
        pytest.param("s3://my bucket", "is no address of a store", id="a blank"),
        pytest.param("s3n://bucket", r"did you mean 's3'\?", id="a slip"),
        pytest.param("https://example.org/runs", "https:// is no store", id="pages"),
        pytest.param("simplecache::s3://b/p", "is no address of a store", id="a chain"),
        pytest.param("s3://", "is no address of a store", id="nothing"),
        pytest.param("s3:///prefix", "has no bucket", id="no bucket"),
        pytest.param("s3://key:secret@bucket/p", "ends up in logs", id="a password"),
        pytest.param("abfs://user:secret@account/p", "ends up in logs", id="another"),
        pytest.param("s3://bucket/*/x", "no plain address", id="a pattern"),
        pytest.param("s3://bucket/a/../b", "no plain address", id="upwards"),
        pytest.param("s3://bucket/a//b", "no plain address", id="two slashes"),
        pytest.param("s3://bucket/a?x=1", "no plain address", id="a query"),
        pytest.param("file://runs", "no absolute path", id="relative"),
        pytest.param("file:///", "no absolute path", id="the root"),
    ],
)
def test_a_wrong_address_is_refused_before_anything_is_asked(url, words, monkeypatch):
    monkeypatch.setitem(sys.modules, "fsspec", None)

    with pytest.raises(InputError, match=words) as caught:
        store_of(url, "--publish")
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    "url",
    [
        "s3://bucket",
        "s3://bucket/a/b/",
        "gs://b/p",
        "abfs://container@account.dfs.core.windows.net/p",
    ],
)
def test_a_right_address_is_taken(url):
    assert store_of(url, "--publish").url == url.rstrip("/")


def test_every_protocol_is_one_that_fsspec_knows():
    assert set(DRIVERS) <= set(fsspec.available_protocols())


@pytest.mark.parametrize("protocol", ["gs", "az", "oss", "oci"])
def test_a_missing_driver_is_named_with_what_installs_it(protocol):
    with pytest.raises(EnvironmentUnfit, match=f"pip install {DRIVERS[protocol]}"):
        refuse_unfit(store_of(f"{protocol}://bucket/p", "--publish"))


def test_fsspec_itself_is_named_when_it_is_missing(monkeypatch):
    monkeypatch.setitem(sys.modules, "fsspec", None)

    with pytest.raises(EnvironmentUnfit, match=r"pip install 'chaoskit\[store\]'"):
        refuse_unfit(store_of("s3://bucket", "--publish"))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        pytest.param("AWS_SECRET_ACCESS_KEY", "wrong-secret", id="a wrong secret"),
        pytest.param("AWS_ACCESS_KEY_ID", "reader", id="may only read"),
        pytest.param("AWS_ENDPOINT_URL", "http://127.0.0.1:9", id="nobody there"),
    ],
)
def test_a_store_that_takes_nothing_is_refused_beforehand(aws, monkeypatch, name, value):
    monkeypatch.setenv(name, value)

    with pytest.raises(EnvironmentUnfit, match="nothing can be written to s3://runs/p: ") as told:
        refuse_unfit(store_of("s3://runs/p", "--publish"))
    assert "\n" not in str(told.value)
    assert SECRET not in str(told.value)
    assert aws.names("") == [] or f"p/{MARKER}" not in aws.names("")


def test_a_store_that_is_lost_costs_one_error_and_not_the_folder(aws, finished, monkeypatch):
    store = store_of("s3://runs/lost", "--publish")
    refuse_unfit(store)
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")

    with pytest.raises(NotPublished, match=r"not published to s3://runs/lost/run-1: .*0 of"):
        publish(finished, store)
    assert (finished / "journal.json").exists()


@pytest.mark.parametrize("code", [*Exit, 0])
def test_no_exit_code_but_a_pass_is_changed_by_it(code):
    failed = NotPublished("no")

    assert exit_code(code, None) == code
    assert exit_code(code, failed) == (Exit.NOT_PUBLISHED if code == Exit.PASS else code)


@pytest.mark.parametrize(
    ("drawing", "code"), [(HEALED, Exit.NOT_PUBLISHED), (DEAD, Exit.EVIDENCE_AGAINST)]
)
@pytest.mark.parametrize("exit_zero", [False, True])
def test_a_stage_tells_it_and_masks_no_verdict(tmp_path, drawing, code, exit_zero):
    blocked = tmp_path / "shelf"
    store = store_of(f"file://{blocked}", "--publish")
    stage = a_stage(tmp_path, publish=store, exit_zero=exit_zero)
    path = stored(tmp_path / "reports", "run-1", {"shop/crash": drawing})
    folder = RunFolder(path)
    journal = replace(folder.read_journal(), exit_code=0 if drawing is HEALED else 1)
    pipeline.render(journal, folder)
    blocked.write_text("a file is in the way")

    told = stage.tell(pipeline.Finished(journal=journal, folder=folder))

    words = stage.platform.stream.getvalue()
    assert told == (Exit.NOT_PUBLISHED if exit_zero else code)
    assert words.count("the run was not published to file://") == 1
    assert ("where the run's own is 0: the run was not published" in words) == (drawing is HEALED)


def test_a_stage_says_where_it_is_and_reads_what_shards_published(aws, tmp_path):
    url = f"s3://runs/{tmp_path.name}"
    publish(stored(tmp_path / "reports", "run-1", {"shop/crash": HEALED}), store_of(url, "x"))
    stage = a_stage(tmp_path, publish=store_of(f"{url}-joined", "--publish"))

    assert stage.join([url]) == Exit.PASS
    assert f"published: {url}-joined/" in stage.platform.stream.getvalue()
    assert any(one.endswith("/journal.json") for one in aws.names(f"{tmp_path.name}-joined"))


def a_stage(tmp_path, **fields):
    request = Request(reports=tmp_path / "reports")
    settings = Settings(out=tmp_path / "out")
    told = platform_for("none", io.StringIO(), {})
    (tmp_path / "out").mkdir()
    return Stage(request=request, settings=settings, platform=told, **fields)


def test_the_settings_name_it_and_a_mistake_has_its_line(tmp_path):
    file = tmp_path / "chaoskit.toml"
    file.write_text('[ci]\ntrials = 2\npublish = "s3://runs/shop"\n')
    assert read_settings(file, None).publish.url == "s3://runs/shop"

    file.write_text('[ci]\ntrials = 2\npublish = "s5://runs/shop"\n')
    with pytest.raises(InputError, match=r"chaoskit\.toml:3:\d+: s5:// is no store"):
        read_settings(file, None)


@pytest.mark.parametrize("command", ["run", "ci"])
def test_the_command_line_refuses_before_it_looks_at_anything(command, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(cli, [command, "nothing.yaml", "--publish", "ftp://host/x"])

    assert isinstance(done.exception, InputError)
    assert "ftp:// is no store" in str(done.exception)
    assert list(tmp_path.iterdir()) == []
