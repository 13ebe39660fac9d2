"""The lines of a TOML document's keys, whatever stands around them."""

from __future__ import annotations

import tomllib

from hypothesis import given
from hypothesis import strategies as st

from host_tools import toml_lines

TEXT = '''\
# [not.a.table]
first = 1
a.b = "x # no remark [ ]"

[table]
"quoted key" = """
[[not.an.entry]]
c = 5
"""
list = [
  "]",  # remark with "
  {x = 1},
]
after = 'it''s' # two
[[entries]]
x = 1
[entries.inner]
y = 2
[[entries]]
  x = 2
  [[entries.deep]]
  z = 3
'''


def test_every_key_and_table_has_its_line() -> None:
    lines = toml_lines.find(TEXT.replace("'it''s'", '"its"'))
    assert {path: lines[path] for path in lines if path[0] != "entries"} == {
        ("first",): 2,
        ("a", "b"): 3,
        ("table",): 5,
        ("table", "quoted key"): 6,
        ("table", "list"): 10,
        ("table", "after"): 14,
    }
    assert lines["entries", 0, "x"] == 16
    assert lines["entries", 0, "inner", "y"] == 18
    assert lines["entries", 1] == 19
    assert lines["entries", 1, "deep", 0, "z"] == 22


def test_what_has_no_line_has_the_line_of_what_is_around_it() -> None:
    lines = toml_lines.find("[[a]]\nb = [{c = 1}]\n")
    assert toml_lines.line_of(lines, ("a", 0, "b", 0, "c")) == 2
    assert toml_lines.line_of(lines, ("a", 0, "missing")) == 1
    assert toml_lines.line_of(lines, ("elsewhere",)) is None


@given(
    st.dictionaries(
        st.text("abcdef", min_size=1, max_size=3),
        st.sampled_from(
            ['"\\" # ["', "'#'", '"""\n\n"""', "[\n1,\n2]", "5", '{a="}"}', "[[1],[2]]"]
        ),
        max_size=6,
    )
)
def test_lines_are_right_behind_values_of_any_length(values: dict[str, str]) -> None:
    text, expected = "", {}
    for name, value in values.items():
        expected[(name,)] = text.count("\n") + 1
        text += f"{name} = {value} # [x]\n"
    assert set(tomllib.loads(text)) == set(values)
    assert toml_lines.find(text) == expected
