"""Faults of files, disks, certificates and names as data; and what the agent does to real files."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from chaoskit.agent.kind import Refused
from chaoskit.agent.kinds import file, throttle
from chaoskit.agent.network import x509
from chaoskit.agent.proof import disk_rate
from chaoskit.agent.storage import mounts, patches, places
from chaoskit.errors import FaultRefused
from chaoskit.faults.base import catalogue, make
from tests.unit.test_faults import DB, SITE, WEB, only_operation

NAMES = [
    "certificate_expiry",
    "corrupt_file",
    "disk_full",
    "dns_failure",
    "dns_slow",
    "dns_wrong",
    "read_only",
    "slow_disk",
    "truncate_file",
]


@pytest.mark.parametrize("name", NAMES)
def test_the_example_of_each_fault_makes_an_operation_of_the_kind_it_needs(name):
    kind = catalogue()[name]
    (operation,) = make(name, kind.example).operations([WEB], SITE)

    assert (operation.kind,) == kind.needs
    assert operation.mechanism


@pytest.mark.parametrize(
    ("name", "arguments", "words"),
    [
        ("dns_failure", {"mode": "broken"}, "mode: 'broken' is unknown; choose from nxdomain"),
        ("dns_failure", {"names": []}, r"names: \[\]; write a name such as db"),
        ("dns_failure", {"names": "d b"}, "names: 'd b' is not a name or a pattern"),
        ("dns_failure", {"names": ["db", "[a]"]}, "the wildcards"),
        ("dns_failure", {"names": "db*", "ask": "web"}, r"'web' is not meant by names \(db\*\)"),
        ("dns_slow", {"delay": "fast"}, "delay: 'fast' is not a duration"),
        ("dns_slow", {"delay": "5ms"}, "choose from 10ms to 60s"),
        ("dns_wrong", {"answers": []}, "write an IPv4 address"),
        ("dns_wrong", {"answers": "10.0.0.300"}, "'10.0.0.300' is no IPv4 address"),
        ("dns_wrong", {"answers": "::1"}, "'::1' is no IPv4 address"),
        ("disk_full", {"path": "data"}, "write one that starts with /"),
        ("disk_full", {"path": "/data", "leave": "some"}, "leave: 'some' is not a size"),
        ("read_only", {"path": ""}, "path: '' is not a path"),
        ("slow_disk", {"path": "/"}, "no limit is given; give one of read_bytes"),
        ("slow_disk", {"path": "/", "write_bytes": "1kB"}, "too little; at least 64KiB"),
        ("slow_disk", {"path": "/", "read_operations": 1}, "too little; at least 10"),
        ("corrupt_file", {"path": "/x", "bytes": 0}, "choose from 1 to 65536"),
        ("corrupt_file", {"path": "/x", "share": "130%"}, "choose at most 100%"),
        ("corrupt_file", {"path": "/x", "share": "1%", "bytes": 1}, "give one of them"),
        ("corrupt_file", {"path": "/x", "offset": -1}, "choose 0 or more"),
        ("truncate_file", {"path": "/x", "size": "1kB", "share": "1%"}, "give one of them"),
        ("certificate_expiry", {"certificate": "/x", "port": 0}, "choose from 1 to 65535"),
        (
            "certificate_expiry",
            {"certificate": "/x", "port": 443, "reload": "KILL"},
            "choose from HUP, USR1, USR2",
        ),
        (
            "certificate_expiry",
            {"certificate": "/x", "port": 443, "reload": "HUP", "restart": True},
            "give one of them",
        ),
        ("certificate_expiry", {"certificate": "/x", "port": 443, "ca_key": "/k"}, "without ca"),
    ],
)
def test_what_is_impossible_is_refused_with_what_is_allowed(name, arguments, words):
    with pytest.raises(FaultRefused, match=words):
        make(name, {"service": "web", **arguments})


@pytest.mark.parametrize(
    ("names", "ask", "asked"),
    [
        ("db", None, "db"),
        (["x*", "db"], None, "db"),
        ("db*", None, "db-chaoskit"),
        ("*", None, "chaoskit"),
        ("*.example.org", None, "chaoskit.example.org"),
        ("db?", None, "dbx"),
        ("*.example.org", "api.example.org", "api.example.org"),
    ],
)
def test_a_fault_of_names_is_proven_with_a_name_that_it_means(names, ask, asked):
    operation = only_operation("dns_failure", names=names, ask=ask)

    assert operation.params["ask"] == asked


def test_a_wrong_answer_may_be_the_address_of_a_service():
    operation = only_operation("dns_wrong", answers=["192.0.2.1", "db"])

    assert operation.params["answers"] == ["192.0.2.1", DB.addresses["p_back"]]


def test_limits_of_a_disk_are_numbers_a_second():
    operation = only_operation("slow_disk", path="/", write_bytes="1MiB", read_operations=20)

    assert operation.params["limits"] == {"write_bytes": 1 << 20, "read_operations": 20}


@pytest.fixture
def document(tmp_path):
    path = tmp_path / "document"
    path.write_bytes(bytes(range(256)))
    os.utime(path, ns=(10**18, 10**18))
    return path


FLIP = (
    patches.Piece(at=3, old=b"\3\4", new=b"ab"),
    patches.Piece(at=250, old=b"\xfa", new=b"c"),
)
CUT = (patches.Piece(at=100, old=bytes(range(100, 256)), new=b"", resizes=True),)
SWAP = (patches.Piece(at=0, old=bytes(range(256)), new=b"new " * 100, resizes=True),)


@pytest.mark.parametrize("pieces", [FLIP, CUT, SWAP], ids=["flip", "cut", "swap"])
def test_a_change_is_taken_back_to_the_last_detail(document, pieces):
    kept = document.with_name("kept")
    before, state = document.read_bytes(), document.stat()
    patches.change(document, pieces, kept=kept)

    assert document.read_bytes() != before
    assert document.stat().st_ino == state.st_ino
    assert patches.still_there(document, kept)
    assert patches.take_back(document, kept) == "restored"
    assert document.read_bytes() == before
    assert document.stat().st_mtime_ns == state.st_mtime_ns
    assert list(document.parent.iterdir()) == [document]
    assert patches.take_back(document, kept) == "nothing of ours"


def test_bytes_that_were_healed_meanwhile_are_left_as_they_are(document):
    kept = document.with_name("kept")
    patches.change(document, FLIP, kept=kept)
    with document.open("r+b") as file_:
        file_.seek(3)
        file_.write(b"XY")

    assert not patches.still_there(document, kept)
    assert "1 of 2 places were healed" in patches.take_back(document, kept)
    assert document.read_bytes()[3:5] == b"XY"
    assert document.read_bytes()[250] == 250
    assert document.stat().st_mtime_ns > 10**18


@pytest.mark.parametrize("how", ["grown", "replaced", "removed"])
def test_a_file_that_the_system_took_in_hand_is_left_to_it(document, how):
    kept = document.with_name("kept")
    patches.change(document, CUT, kept=kept)
    if how == "grown":
        document.write_bytes(document.read_bytes() + b"more")
    elif how == "replaced":
        document.with_name("new").write_bytes(b"new")
        document.with_name("new").rename(document)
    else:
        document.unlink()
    left = document.read_bytes() if document.exists() else None
    words = patches.take_back(document, kept)

    assert {"grown": "healed", "replaced": "replaced", "removed": "removed"}[how] in words
    assert (document.read_bytes() if document.exists() else None) == left
    assert not kept.exists()


@pytest.mark.parametrize("size", [0, 10, 40, 70, 90, 120])
def test_what_was_kept_only_in_part_belongs_to_a_change_that_was_never_made(document, size):
    kept = document.with_name("kept")
    before = document.read_bytes()
    patches.change(document, CUT, kept=kept)
    whole = kept.read_bytes()
    document.write_bytes(before)
    kept.write_bytes(whole[:size])

    assert patches.take_back(document, kept) == "was never changed"
    assert document.read_bytes() == before
    assert not kept.exists()


def test_a_swap_that_was_interrupted_half_way_is_taken_back(document):
    """The new bytes are written, and the file is not cut to their length yet."""
    kept = document.with_name("kept")
    before = document.read_bytes()
    short = (patches.Piece(at=0, old=before, new=b"short", resizes=True),)
    patches.change(document, short, kept=kept)
    document.write_bytes(b"short" + before[5:])

    assert "restored" in patches.take_back(document, kept)
    assert document.read_bytes() == before


def test_more_than_is_kept_is_refused_before_anything_is_changed(document, monkeypatch):
    monkeypatch.setattr(patches, "MOST_KEPT_BYTES", 100)
    before = document.read_bytes()

    with pytest.raises(Refused, match="say keep: true"):
        patches.change(document, CUT, kept=document.with_name("kept"))
    assert document.read_bytes() == before
    assert list(document.parent.iterdir()) == [document]


def test_a_link_is_never_followed_to_another_file(document):
    link = document.with_name("link")
    link.symlink_to(document)

    with pytest.raises(OSError, match="symbolic link"):
        patches.change(link, FLIP, kept=document.with_name("kept"))


def test_paths_of_an_instance_stay_below_its_root(tmp_path):
    (tmp_path / "circle").symlink_to(tmp_path / "circle")
    (tmp_path / "up").symlink_to("../../../../../../../../etc")
    (tmp_path / "absolute").symlink_to("/etc/hostname")
    root = Path(f"/proc/{os.getpid()}/root")

    assert places.inside(os.getpid(), f"{tmp_path}/up/x") == root / "etc/x"
    assert places.inside(os.getpid(), f"{tmp_path}/absolute") == root / "etc/hostname"
    assert places.as_seen(os.getpid(), root) == "/"
    with pytest.raises(Refused, match="circle of symbolic links"):
        places.inside(os.getpid(), f"{tmp_path}/circle")
    with pytest.raises(Refused, match="starts with /"):
        places.inside(os.getpid(), "data")


def test_a_pattern_means_regular_files_and_no_links(tmp_path):
    for name in ("a/1.db", "b/2.db", "b/3.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / "b/4.db").symlink_to("2.db")
    (tmp_path / "c").symlink_to("a")
    (tmp_path / "a/5.db").mkdir()

    found = places.matching(os.getpid(), f"{tmp_path}/*/*.db")
    assert found == [f"{tmp_path}/a/1.db", f"{tmp_path}/b/2.db"]
    assert places.matching(os.getpid(), f"{tmp_path}/nothing/*") == []


def test_a_place_is_found_again_by_its_file_system_when_the_process_is_gone(tmp_path):
    (tmp_path / "x").write_text("here")
    place = places.note(os.getpid(), f"{tmp_path}/x")
    found = places.find({"pid": 0, "container": ""}, place)

    assert found is not None
    assert found.read_text() == "here"
    assert places.find({"pid": 0, "container": ""}, {**place, "device": "0:0"}) is None


MOUNTINFO = (
    r"1 0 0:57 / / rw,relatime - overlay overlay rw,lowerdir=/l/1:/l/2,upperdir=/var/d\040x/diff",
    r"2 1 254:0 /volumes/v/_data /data rw,noatime master:3 - ext4 /dev/vda rw,discard",
    r"3 1 0:9 / /data/sub ro - tmpfs tmpfs rw,size=8k",
)


def test_the_innermost_and_newest_mount_covers_a_path():
    table = [mounts.parse(line) for line in MOUNTINFO]

    assert table[0].upper_folder == "/var/d x/diff"
    assert mounts.covering(table, "/data/x").device == "254:0"
    assert mounts.covering(table, "/database").kind == "overlay"
    assert mounts.covering(table, "/data/sub/y").options == ("ro",)
    assert mounts.covering([*table, table[1]], "/data") is table[1]


def test_each_fault_keeps_its_bytes_under_a_name_of_its_own():
    names = {file.kept_name(tag, number) for tag in ("r/f1.0", "r/f1.1") for number in (0, 1)}

    assert len(names) == 4
    assert all(name.startswith(".chaoskit-") and "/" not in name for name in names)


@pytest.fixture
def version_2(tmp_path):
    """io.max as the kernel writes it; a write replaces its one line, as the test then reads."""
    (tmp_path / "io.max").write_text(
        "8:0 rbps=1 wbps=2 riops=3 wiops=4\n254:0 rbps=max wbps=1000 riops=max wiops=max\n"
    )
    return throttle.DiskGroup(version=2, folder=tmp_path, device="254:0")


def test_limits_of_version_2_are_keys_of_one_line(version_2):
    """Not run on a kernel with version 2: the format is that of its documentation."""
    assert [version_2.read(key) for key in ("rbps", "wbps")] == ["max", "1000"]
    version_2.write("rbps", "500")
    assert (version_2.folder / "io.max").read_text() == "254:0 rbps=500"
    (version_2.folder / "io.max").write_text("")
    assert version_2.read("wbps") == "max"


def test_limits_of_version_1_are_a_file_each(tmp_path):
    name = "blkio.throttle.write_bps_device"
    (tmp_path / name).write_text("8:0 7\n254:0 1000\n")
    group = throttle.DiskGroup(version=1, folder=tmp_path, device="254:0")

    assert group.read(name) == "1000"
    group.write(name, "0")
    assert (tmp_path / name).read_text() == "254:0 0"
    (tmp_path / name).write_text("")
    assert group.read(name) == "0"


@pytest.mark.parametrize(
    ("limits", "size", "count"),
    [
        ({"write_bytes": 1 << 20}, 49152, 43),
        ({"write_bytes": 65536}, 4096, 32),
        ({"write_bytes": 1 << 30}, 65536, 32768),
        ({"write_operations": 50}, 4096, 100),
        ({"write_bytes": 1 << 20, "write_operations": 10}, 4096, 20),
        ({"write_bytes": 1 << 16, "write_operations": 1000}, 4096, 32),
    ],
)
def test_a_measurement_takes_about_two_seconds_at_the_promised_rate(limits, size, count):
    assert disk_rate._plan("write", limits) == (size, count)


def test_a_rate_outside_a_tenth_of_the_promise_is_refused():
    told = disk_rate._told("write", 21.0, {"write_operations": 20})
    assert told == "write: promised 20 operations/s, measured 21 operations/s"
    with pytest.raises(Refused, match="measured 15 operations/s; the disk itself is slower"):
        disk_rate._told("write", 15.0, {"write_operations": 20})


@pytest.fixture(scope="module")
def pair(tmp_path_factory):
    """A certificate with its key, for each kind of key."""
    if shutil.which("openssl") is None:
        pytest.skip("needs the openssl command to make certificates")
    folder = tmp_path_factory.mktemp("pair")

    def make_one(*key):
        words = ["openssl", "req", "-x509", "-nodes", "-days", "2", "-subj", "/CN=a"]
        names = ["-addext", "subjectAltName=DNS:a,DNS:b", "-keyout", "key", "-out", "pem"]
        subprocess.run([*words, *key, *names], cwd=folder, check=True, capture_output=True)
        return (folder / "pem").read_bytes(), (folder / "key").read_bytes()

    return make_one


def openssl_says(pem, *words):
    done = subprocess.run(
        ["openssl", "x509", "-noout", *words], input=pem, capture_output=True, check=True
    )
    return done.stdout


@pytest.mark.parametrize(
    "key",
    [
        ["-newkey", "rsa:2048"],
        ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"],
        ["-newkey", "ed25519"],
    ],
    ids=lambda key: key[1],
)
def test_only_the_dates_and_the_signature_of_an_expired_certificate_differ(pair, key):
    chain, secret = pair(*key)
    file_ = b"# mine\n" + chain + secret + chain
    new = x509.expired(file_, secret, since_s=7200)

    assert new.startswith(b"# mine\n")
    assert new.endswith(secret + chain)
    for what in (["-subject"], ["-serial"], ["-pubkey"], ["-ext", "subjectAltName"]):
        assert openssl_says(new, *what) == openssl_says(chain, *what)
    assert -7210 < x509.ends_in_s(x509.first_der(new)) <= -7199
    assert x509.ends_in_s(x509.first_der(chain)) > 3600


def test_a_key_of_somebody_else_and_one_with_a_pass_phrase_are_refused(pair):
    chain, _ = pair("-newkey", "rsa:2048")
    _, other = pair("-newkey", "rsa:2048")

    with pytest.raises(Refused, match="the key is not that of the certificate"):
        x509.expired(chain, other, since_s=60)
    with pytest.raises(Refused, match="the certificate's key cannot be read"):
        x509.expired(chain, chain, since_s=60)
    with pytest.raises(Refused, match="no certificate in PEM form"):
        x509.expired(b"nothing", other, since_s=60)
