"""The tree of a file: PyYAML's values, with places, and without its surprises."""

import string

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from chaoskit.plan.report import Report
from chaoskit.plan.tree import child, plain
from chaoskit.plan.yamltree import MAX_BYTES, parse_tree, read_tree


def tree_of(text, **rules):
    report = Report("file.yaml")
    tree = parse_tree(text, report, **rules)
    return tree, [str(one) for one in report.problems]


def test_every_key_and_value_knows_its_line_and_column():
    tree, problems = tree_of("a: 1\nlist:\n  - x\n  - {key: value}\n")

    assert problems == []
    assert (tree.keys["list"].line, tree.keys["list"].column) == (2, 1)
    inner = child(tree, "list").items[1]
    assert (inner.keys["key"].line, inner.keys["key"].column) == (4, 6)
    assert (child(inner, "key").line, child(inner, "key").column) == (4, 11)


def test_columns_count_characters_not_bytes():
    tree, _ = tree_of("{é: ü, b: 2}")

    assert child(tree, "b").column == 11


@pytest.mark.parametrize(
    "word",
    [
        "1",
        "-1",
        "+7",
        "0",
        "012",
        "0x1F",
        "0b11",
        "1_000",
        "1:30",
        "-1:30",
        "1.5",
        "1:30.5",
        ".5",
        "1e3",
        "1.5e3",
        ".inf",
        "-.INF",
        "yes",
        "No",
        "on",
        "OFF",
        "true",
        "~",
        "null",
        "=",
        "text",
        "'012'",
        '"yes"',
        "08",
        "1.",
        "0o17",
        "6.02e+23",
        "2s",
        "99%",
    ],
)
def test_words_mean_what_they_mean_to_chaos_toolkit(word):
    tree, problems = tree_of(f"value: {word}\n")
    # PyYAML itself fails on a bare =
    expected = word if word == "=" else yaml.safe_load(f"value: {word}\n")["value"]

    assert problems == []
    assert plain(tree)["value"] == expected
    assert type(plain(tree)["value"]) is type(expected)


def test_a_merge_brings_keys_that_the_mapping_may_replace():
    text = "base: &base {a: 1, b: 2}\nnew:\n  <<: *base\n  b: 3\n  c: 4\n"
    tree, problems = tree_of(text)

    assert problems == []
    assert plain(child(tree, "new")) == yaml.safe_load(text)["new"] == {"a": 1, "b": 3, "c": 4}


def test_a_key_that_yaml_reads_as_a_truth_value_is_the_word_that_was_written():
    tree, problems = tree_of("off: compose.yaml\non: x\n")

    assert problems == []
    assert plain(tree) == {"off": "compose.yaml", "on": "x"}


def test_json_is_read_by_its_own_rules():
    tree, problems = tree_of('{"a": 1e2, "b": "\\ud83d\\ude00", "c": null}', json_rules=True)

    assert problems == []
    assert plain(tree) == {"a": 100.0, "b": "😀", "c": None}


def test_custom_tags_pass_only_where_they_are_let():
    assert tree_of("a: !reset []\n", tags=True)[1] == []
    assert "the tag !reset is not understood" in tree_of("a: !reset []\n")[1][0]


@pytest.mark.parametrize("text", ["[" * 100_000, "- " * 100_000, "{a: " * 5000, "? " * 5000])
def test_deep_nesting_ends_in_a_message_and_not_in_a_crash(text):
    _, problems = tree_of(text)

    assert len(problems) == 1


def test_a_huge_file_is_refused_without_being_parsed(tmp_path):
    path = tmp_path / "huge.yaml"
    path.write_bytes(b"a: " + b"x" * MAX_BYTES)
    report = Report(str(path))

    assert read_tree(path, report) is None
    assert "is larger than 1 MiB" in str(report.problems[0])


def test_a_folder_and_a_missing_file_are_no_trees(tmp_path):
    for path, what in ((tmp_path, "is a directory"), (tmp_path / "x.yaml", "no such file")):
        report = Report(str(path))

        assert read_tree(path, report) is None
        assert what in str(report.problems[0])


_KEYS = st.text(string.ascii_letters + string.digits + " :#-'\"é", min_size=1, max_size=8)
_LEAVES = st.none() | st.booleans() | st.integers() | st.text(max_size=12) | st.floats(-1e9, 1e9)
_VALUES = st.recursive(
    _LEAVES,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_KEYS, inner, max_size=4),
    max_leaves=20,
)


@given(_VALUES, st.booleans())
def test_what_pyyaml_writes_is_read_as_pyyaml_reads_it(value, flow):
    text = yaml.safe_dump({"value": value}, default_flow_style=flow, allow_unicode=True)

    tree, problems = tree_of(text)

    assert problems == []
    assert plain(tree) == yaml.safe_load(text)
