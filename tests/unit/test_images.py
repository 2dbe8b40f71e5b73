"""The name of an image: it changes with what goes into the image, and with nothing else."""

import os
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from chaoskit.errors import EnvironmentUnfit
from chaoskit.target import images
from chaoskit.target.build_context import HASH_LENGTH, BuildContext


@pytest.fixture
def folder(tmp_path):
    context = tmp_path / "web"
    (context / "pages").mkdir(parents=True)
    (context / "Dockerfile").write_text("FROM chaoskit/base:bookworm\nCOPY . /srv\n")
    (context / "serve.py").write_text("print('hello')\n")
    (context / "pages" / "index.html").write_text("<p>hello</p>\n")
    return context


def hash_of(folder, *, base="sha256:1", args=None, dockerfile="Dockerfile"):
    context = BuildContext(folder=folder, dockerfile=dockerfile)
    return context.hash(base=base, args=args or {})


def test_the_hash_is_short_hexadecimal_and_the_same_every_time(folder):
    first = hash_of(folder)

    assert len(first) == HASH_LENGTH
    assert int(first, 16) >= 0
    assert first == hash_of(folder)


def write_other_content(folder):
    (folder / "serve.py").write_text("print('good bye')\n")


def add_a_file(folder):
    (folder / "pages" / "more.html").write_text("")


def remove_a_file(folder):
    (folder / "pages" / "index.html").unlink()


def rename_a_file(folder):
    (folder / "serve.py").rename(folder / "server.py")


def make_it_executable(folder):
    (folder / "serve.py").chmod(0o755)


def add_an_empty_folder(folder):
    (folder / "empty").mkdir()


def replace_it_by_a_link(folder):
    (folder / "serve.py").unlink()
    (folder / "serve.py").symlink_to("pages/index.html")


def change_the_dockerfile(folder):
    (folder / "Dockerfile").write_text("FROM chaoskit/base:bookworm\n")


@pytest.mark.parametrize(
    "change",
    [
        write_other_content,
        add_a_file,
        remove_a_file,
        rename_a_file,
        make_it_executable,
        add_an_empty_folder,
        replace_it_by_a_link,
        change_the_dockerfile,
    ],
)
def test_the_hash_changes_with_what_the_image_gets(folder, change):
    before = hash_of(folder)
    change(folder)

    assert hash_of(folder) != before


def touch(folder):
    os.utime(folder / "serve.py", (1, 1))


def narrow_the_umask(folder):
    (folder / "serve.py").chmod(0o600)


def run_the_code(folder):
    (folder / "pages" / "__pycache__").mkdir()
    (folder / "pages" / "__pycache__" / "serve.cpython-311.pyc").write_bytes(b"\0")


@pytest.mark.parametrize("change", [touch, narrow_the_umask, run_the_code])
def test_the_hash_stays_when_the_image_would_be_the_same(folder, change):
    before = hash_of(folder)
    change(folder)

    assert hash_of(folder) == before


def test_a_copy_elsewhere_made_in_another_order_has_the_same_hash(folder, tmp_path):
    copy = tmp_path / "elsewhere"
    (copy / "pages").mkdir(parents=True)
    for name in ("serve.py", "pages/index.html", "Dockerfile"):
        (copy / name).write_bytes((folder / name).read_bytes())

    assert hash_of(copy) == hash_of(folder)


def test_what_dockerignore_names_is_neither_hashed_nor_sent(folder):
    (folder / ".dockerignore").write_text("# notes\nnotes\n*.md\n!KEEP.md\n")
    before = hash_of(folder)
    (folder / "notes").mkdir()
    (folder / "notes" / "todo").write_text("much")
    (folder / "README.md").write_text("words")

    assert hash_of(folder) == before
    assert "README.md" not in BuildContext(folder=folder).files()

    (folder / "KEEP.md").write_text("words")

    assert hash_of(folder) != before


def test_arguments_the_base_and_the_dockerfiles_name_count_too(folder):
    (folder / "Other").write_bytes((folder / "Dockerfile").read_bytes())
    hashes = {
        hash_of(folder),
        hash_of(folder, base="sha256:2"),
        hash_of(folder, args={"VERSION": "1"}),
        hash_of(folder, args={"VERSION": "2"}),
        hash_of(folder, dockerfile="Other"),
    }

    assert len(hashes) == 5


def test_the_order_of_arguments_does_not_count(folder):
    assert hash_of(folder, args={"A": "1", "B": "2"}) == hash_of(folder, args={"B": "2", "A": "1"})


def test_what_is_sent_is_what_was_hashed_and_carries_no_trace_of_the_checkout(folder):
    (folder / "serve.py").chmod(0o750)
    context = BuildContext(folder=folder)
    first = context.archive().read()
    os.utime(folder / "serve.py", (1, 1))

    with tarfile.open(fileobj=context.archive()) as archive:
        members = archive.getmembers()
        assert tuple(one.name for one in members) == context.files()
        assert {one.uname for one in members} == {"root"}
        assert archive.getmember("serve.py").mode == 0o755
        assert archive.getmember("Dockerfile").mode == 0o644
    assert context.archive().read() == first


def test_the_dockerfile_is_sent_even_when_dockerignore_names_everything(folder):
    (folder / ".dockerignore").write_text("**\n")

    assert "Dockerfile" in BuildContext(folder=folder).files()


def test_the_base_recipe_is_part_of_the_package():
    recipe = Path(images.__file__).parent / "base"

    assert {"Dockerfile", "slim.cfg"} <= set(BuildContext(folder=recipe).files())


def test_a_folder_that_is_no_target_is_named_with_exit_code_4(tmp_path):
    class NoEngineIsAsked:
        """An engine that must not be reached."""

    with pytest.raises(EnvironmentUnfit, match=r"has no compose\.yaml") as caught:
        images.ensure_services(NoEngineIsAsked(), tmp_path, print)

    assert caught.value.exit_code == 4


def test_the_command_line_says_which_engine_did_not_answer(tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "chaoskit.target.images"],
        env={**os.environ, "DOCKER_HOST": f"unix://{tmp_path}/no.sock"},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 4
    assert "no.sock" in done.stderr
    assert "Traceback" not in done.stderr
