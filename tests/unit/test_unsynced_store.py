"""The disk that can lose what was not synced, on a real folder: nothing synced is ever lost."""

import os
import stat

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chaoskit.agent.fusefs.nodes import HIDDEN, Nodes
from chaoskit.agent.fusefs.store import RENAME_EXCHANGE
from chaoskit.agent.fusefs.unsynced import UnsyncedStore

ME = (os.getuid(), os.getgid())


class Disk:
    """A store on a folder, used by names as a program uses it."""

    def __init__(self, root, **options):
        self.root = root
        self.store = UnsyncedStore(str(root), **options)
        self.nodes = Nodes(str(root))
        self.top = self.nodes.get(1)

    def create(self, name, folder=None):
        parent = folder or self.top
        flags = os.O_RDWR | os.O_CREAT | os.O_EXCL
        fd = self.store.make(
            parent, name, ME, lambda: os.open(name, flags, 0o644, dir_fd=parent.fd)
        )
        os.close(fd)

    def make_folder(self, name):
        self.store.make(self.top, name, ME, lambda: os.mkdir(name, 0o755, dir_fd=self.top.fd))

    def node(self, name, folder=None):
        return self.nodes.look_up(folder or self.top, name)

    def write(self, name, data, offset=0):
        node = self.node(name)
        fd = node.open(os.O_RDWR)
        self.store.write(node, fd, memoryview(data), offset)
        os.close(fd)

    def truncate(self, name, size):
        self.store.truncate(self.node(name), size)

    def sync(self, name, *, data_only=False):
        node = self.node(name)
        fd = node.open(os.O_RDONLY)
        self.store.sync(node, fd, data_only=data_only)
        os.close(fd)

    def sync_folder(self):
        fd = os.open(self.root, os.O_RDONLY)
        self.store.sync_folder(fd)
        os.close(fd)

    def rename(self, old, new, flags=0):
        self.store.rename((self.top, old), (self.top, new), flags)

    def unlink(self, name):
        self.store.unlink(self.top, name)

    def remove_folder(self, name):
        self.store.remove_folder(self.top, name)

    def link(self, name, other):
        self.store.link(self.node(name), self.top, other)

    def cut(self):
        lost = self.store.lose()
        assert lost.failed == ()
        return lost

    def contents(self):
        """Name → what is there, of everything that the service sees."""
        found = {}
        for path in sorted(self.root.rglob("*")):
            name = str(path.relative_to(self.root))
            if name.split("/", maxsplit=1)[0].encode() == HIDDEN:
                continue
            state = path.lstat()
            links = self.store.links(state) if stat.S_ISREG(state.st_mode) else 0
            data = path.read_bytes() if path.is_file() else b""
            found[name] = (stat.S_IMODE(state.st_mode), links, data)
        return found

    def attic(self):
        return list((self.root / os.fsdecode(HIDDEN) / "attic").iterdir())


@pytest.fixture
def disk(tmp_path):
    return Disk(tmp_path)


def test_a_folder_that_was_removed_and_made_again_takes_its_first_contents_back(disk):
    disk.make_folder(b"a")
    disk.sync_folder()
    disk.create(b"x", folder=disk.node(b"a"))
    disk.store.unlink(disk.node(b"a"), b"x")
    disk.remove_folder(b"a")
    disk.make_folder(b"a")
    disk.create(b"y", folder=disk.node(b"a"))
    disk.cut()

    assert list(disk.contents()) == ["a"]
    assert disk.attic() == []


def test_a_folder_with_something_in_it_is_not_removed(disk):
    disk.make_folder(b"a")
    disk.create(b"x", folder=disk.node(b"a"))

    with pytest.raises(OSError, match="not empty"):
        disk.remove_folder(b"a")
    assert list(disk.contents()) == ["a", "a/x"]


def test_what_was_synced_stays_and_what_was_not_is_gone(disk):
    disk.create(b"a")
    disk.write(b"a", b"synced")
    disk.sync(b"a")
    disk.write(b"a", b"SYN")
    disk.write(b"a", b"appended", offset=6)
    lost = disk.cut()

    assert disk.contents()["a"][2] == b"synced"
    assert (lost.files, lost.data_bytes) == (1, 6 + 8)


def test_a_file_that_was_never_synced_is_empty_when_its_name_was(disk):
    disk.create(b"a")
    disk.write(b"a", b"data")
    disk.sync_folder()
    disk.cut()

    assert disk.contents()["a"][2] == b""


def test_a_name_that_was_not_synced_is_gone(disk):
    disk.create(b"a")
    disk.make_folder(b"d")
    lost = disk.cut()

    assert disk.contents() == {}
    assert lost.steps == 2


def test_the_sync_of_a_new_file_keeps_the_names_that_came_before(disk):
    disk.create(b"old")
    disk.create(b"new")
    disk.sync(b"new")
    disk.create(b"later")
    disk.cut()

    assert list(disk.contents()) == ["new", "old"]


def test_the_sync_of_a_file_that_nobody_changed_keeps_nothing_else(disk):
    disk.create(b"a")
    disk.sync(b"a")
    disk.create(b"b")
    disk.sync(b"a")
    disk.cut()

    assert list(disk.contents()) == ["a"]


@pytest.mark.parametrize(
    ("grow", "kept"),
    [
        pytest.param(False, ["a"], id="the same size: the data only"),
        pytest.param(True, ["a", "b"], id="another size: what came before too"),
    ],
)
def test_fdatasync_keeps_names_only_when_it_has_to(disk, grow, kept):
    disk.create(b"a")
    disk.write(b"a", b"12345678")
    disk.sync(b"a")
    disk.create(b"b")
    disk.write(b"a", b"87654321", offset=4 if grow else 0)
    disk.sync(b"a", data_only=True)
    disk.cut()

    assert list(disk.contents()) == kept
    assert disk.contents()["a"][2].endswith(b"87654321")


def test_replacing_a_file_without_a_sync_brings_the_old_one_back(disk):
    disk.create(b"conf")
    disk.write(b"conf", b"old")
    disk.sync(b"conf")
    disk.create(b"conf.new")
    disk.write(b"conf.new", b"new")
    disk.rename(b"conf.new", b"conf")
    disk.cut()

    assert {name: one[1:] for name, one in disk.contents().items()} == {"conf": (1, b"old")}


def test_replacing_a_file_whose_data_was_not_synced_leaves_an_empty_one(disk):
    disk.create(b"conf")
    disk.write(b"conf", b"old")
    disk.sync(b"conf")
    disk.create(b"conf.new")
    disk.write(b"conf.new", b"new")
    disk.rename(b"conf.new", b"conf")
    disk.sync_folder()
    disk.cut()

    assert disk.contents()["conf"][2] == b""
    assert disk.attic() == []


def test_replacing_a_file_in_the_right_order_is_safe(disk):
    disk.create(b"conf")
    disk.write(b"conf", b"old")
    disk.sync(b"conf")
    disk.create(b"conf.new")
    disk.write(b"conf.new", b"new")
    disk.sync(b"conf.new")
    disk.rename(b"conf.new", b"conf")
    disk.sync_folder()
    disk.cut()

    assert {name: one[1:] for name, one in disk.contents().items()} == {"conf": (1, b"new")}


def test_a_removed_file_comes_back_with_what_was_synced_of_it(disk):
    disk.create(b"a")
    disk.write(b"a", b"data")
    disk.sync(b"a")
    disk.write(b"a", b"more", offset=4)
    disk.unlink(b"a")
    assert disk.contents() == {}
    disk.cut()

    assert disk.contents()["a"][1:] == (1, b"data")


def test_a_cut_that_became_durable_is_not_taken_back_with_later_writes(disk):
    disk.create(b"a")
    disk.write(b"a", bytes(range(200)))
    disk.sync(b"a")
    disk.truncate(b"a", 50)
    disk.write(b"a", b"x" * 100, offset=50)
    disk.sync_folder()
    disk.cut()

    assert disk.contents()["a"][2] == bytes(range(50))


def test_a_cut_that_was_not_synced_is_taken_back(disk):
    disk.create(b"a")
    disk.write(b"a", bytes(range(200)) * 100)
    disk.sync(b"a")
    disk.truncate(b"a", 50)
    disk.truncate(b"a", 30_000)
    disk.cut()

    assert disk.contents()["a"][2] == bytes(range(200)) * 100


def test_a_cut_that_was_synced_with_what_came_after_it_is_over(disk):
    disk.create(b"a")
    disk.write(b"a", b"1" * 100)
    disk.sync(b"a")
    disk.truncate(b"a", 50)
    disk.write(b"a", b"2" * 50, offset=50)
    disk.sync(b"a", data_only=True)
    disk.write(b"a", b"unsynced")
    disk.sync_folder()
    disk.cut()

    assert disk.contents()["a"][2] == b"1" * 50 + b"2" * 50


def test_two_files_that_changed_places_change_back(disk):
    for name in (b"a", b"b"):
        disk.create(name)
        disk.write(name, name)
        disk.sync(name)
    disk.rename(b"a", b"b", RENAME_EXCHANGE)
    assert disk.contents()["a"][2] == b"b"
    disk.cut()

    assert disk.contents()["a"][2] == b"a"


def test_modes_and_attributes_go_back(disk):
    disk.create(b"a")
    disk.sync_folder()
    node = disk.node(b"a")
    disk.store.change_mode(node, 0o600)
    disk.store.set_attribute(node, b"user.x", b"1", 0)
    disk.cut()

    assert disk.contents()["a"][0] == 0o644
    assert os.listxattr(disk.root / "a") == []


def test_without_power_nothing_is_changed_or_synced(disk):
    disk.create(b"a")
    disk.write(b"a", b"data")
    disk.sync(b"a")
    disk.store.cut_power()
    for work in (
        lambda: disk.write(b"a", b"more"),
        lambda: disk.sync(b"a"),
        lambda: disk.create(b"b"),
        lambda: disk.unlink(b"a"),
    ):
        with pytest.raises(OSError, match="the power is cut"):
            work()
    disk.store.power_on()
    disk.write(b"a", b"more")

    assert disk.contents()["a"][2] == b"more"


def test_too_many_old_contents_count_as_written_back(tmp_path):
    disk = Disk(tmp_path, limit_bytes=64 * 4096)
    disk.create(b"a")
    disk.write(b"a", bytes(4096 * 200))
    disk.sync(b"a")
    for block in range(200):
        disk.write(b"a", b"x" * 4096, offset=block * 4096)
    disk.cut()
    data = disk.contents()["a"][2]

    assert 0 < data.count(0) <= 65 * 4096
    assert len(data) == 200 * 4096


NAMES = st.sampled_from([b"a", b"b", b"c", b"d"])
CHANGES = st.one_of(
    st.tuples(st.just("create"), NAMES),
    st.tuples(st.just("make_folder"), NAMES),
    st.tuples(st.just("write"), NAMES, st.binary(max_size=9000), st.integers(0, 9000)),
    st.tuples(st.just("truncate"), NAMES, st.integers(0, 20_000)),
    st.tuples(st.just("rename"), NAMES, NAMES),
    st.tuples(st.just("rename"), NAMES, NAMES, st.just(RENAME_EXCHANGE)),
    st.tuples(st.just("unlink"), NAMES),
    st.tuples(st.just("remove_folder"), NAMES),
    st.tuples(st.just("link"), NAMES, NAMES),
    st.tuples(st.just("sync"), NAMES),
    st.tuples(st.just("sync_folder")),
)


def play(disk, changes):
    for what, *arguments in changes:
        try:
            getattr(disk, what)(*arguments)
        except OSError:
            continue  # a program that tries what cannot be done is told so


def sync_everything(disk):
    for path in disk.root.iterdir():
        if path.is_file():
            disk.sync(os.fsencode(path.name))
    disk.sync_folder()


@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(before=st.lists(CHANGES, max_size=25), after=st.lists(CHANGES, max_size=25))
def test_whatever_is_done_after_a_sync_of_everything_is_taken_back_exactly(
    before, after, tmp_path_factory
):
    disk = Disk(tmp_path_factory.mktemp("disk"))
    play(disk, before)
    sync_everything(disk)
    synced = disk.contents()
    play(disk, [one for one in after if not one[0].startswith("sync")])
    disk.cut()

    assert disk.contents() == synced
    assert disk.attic() == []


@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(changes=st.lists(CHANGES, max_size=40))
def test_a_synced_file_has_its_contents_whatever_else_happens(changes, tmp_path_factory):
    disk = Disk(tmp_path_factory.mktemp("disk"))
    disk.create(b"kept")
    disk.write(b"kept", b"before")
    play(disk, changes)
    disk.write(b"kept", b"after!")
    disk.sync(b"kept")
    disk.write(b"kept", b"unsynced")
    play(disk, changes)
    disk.cut()

    assert disk.contents()["kept"][2] == b"after!"
