"""Lines of logs: their time, their text made harmless, and what they bear witness of."""

from pathlib import Path

import pytest

from chaoskit.model.marks import MarkKind
from chaoskit.model.target import Healer, LogWitness, TargetSpec
from chaoskit.target.logs import Books, Recent, Witnesses, _whole_lines, read_line

STAMP = b"2026-11-22T18:11:36.738421515Z "


def line(text=b"hello", stamp=STAMP):
    found = read_line(stamp + text)
    assert found is not None
    return found


def test_a_line_has_the_engines_time_to_the_nanosecond():
    found = line()

    assert found.at_ns == 1795371096_738421515
    assert (found.stamp, found.text) == ("2026-11-22T18:11:36.738421515Z", "hello")


@pytest.mark.parametrize(
    ("stamp", "nanoseconds"),
    [(b"2026-11-22T18:11:36Z ", 0), (b"2026-11-22T18:11:36.5+00:00 ", 500_000_000)],
)
def test_every_count_of_digits_is_read(stamp, nanoseconds):
    assert line(stamp=stamp).at_ns % 10**9 == nanoseconds


def test_a_line_without_a_stamp_is_no_line():
    assert read_line(b"no stamp here") is None


def test_colours_go_and_other_control_characters_are_spelt_out():
    assert line(b"\x1b[31mred\x1b[0m\tand\x00nul \x1b]").text == "red\tand\\x00nul \\x1b]"


def test_bytes_that_are_no_text_do_no_harm():
    assert line(b"\xff\xfe ok").text == "\ufffd\ufffd ok"


def test_an_endless_line_is_cut_and_says_so():
    found = line(b"x" * 20_000)

    assert len(found.text) < 8300
    assert found.text.endswith("… (11808 more bytes)")


def witnesses():
    healer = Healer(
        name="haproxy",
        kind="haproxy-check",
        log=LogWitness(service="lb", detected="is DOWN", acted="is DOWN", restored=r"is UP\b"),
    )
    spec = TargetSpec(
        name="t", folder=Path(), compose_file=Path(), title="T", entrypoints=(), healers=(healer,)
    )
    return Witnesses(spec, lambda wall_ns: wall_ns - 1795371096_000000000)


def test_a_matching_line_gives_a_mark_at_its_own_time():
    marks = list(witnesses().marks("lb", "lb-1", line(b"Server web/web1 is DOWN, reason: x")))

    assert [one.kind for one in marks] == [MarkKind.DETECTED, MarkKind.ACTED]
    assert {one.at_ns for one in marks} == {738421515}
    assert {(one.source, one.instance) for one in marks} == {("haproxy", "lb-1")}
    assert all(one.resolution_ns > 0 for one in marks)


def test_another_services_line_bears_no_witness():
    assert not list(witnesses().marks("web", "web-1", line(b"lb is DOWN")))


def test_a_line_that_matches_nothing_gives_no_mark():
    assert not list(witnesses().marks("lb", "lb-1", line(b"is UPward")))


def test_lines_that_are_sent_again_are_known_again():
    recent = Recent()
    first = [line(b"a"), line(b"b", b"2026-11-22T18:11:36.739000000Z ")]
    again = [*first, line(b"c", b"2026-11-22T18:11:36.739000000Z ")]

    assert [recent.is_new(one) for one in first] == [True, True]
    assert [recent.is_new(one) for one in again] == [False, False, True]


def test_what_is_older_than_what_is_ever_asked_for_again_is_not_new():
    recent = Recent()
    recent.is_new(line(b"now"))

    assert not recent.is_new(line(b"old", b"2026-11-22T18:11:36.000000000Z "))


def test_a_terminals_bytes_become_lines():
    chunks = [bytes([one]) for one in b"one\ntwo\nrest"]

    assert list(_whole_lines(iter(chunks))) == [b"one", b"two", b"rest"]


def test_books_keep_each_services_lines_and_write_nothing_after_they_are_closed(tmp_path):
    books = Books(tmp_path / "logs")
    books.write("web", "web-1", line(b"one"))
    books.write("web", "web-2", line(b"two"))
    books.close()
    books.write("web", "web-2", line(b"three"))

    stamp = line().stamp
    text = (tmp_path / "logs" / "web.log").read_text()
    assert text == f"{stamp} web-1 one\n{stamp} web-2 two\n"
