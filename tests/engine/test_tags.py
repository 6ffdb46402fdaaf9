"""Tags: tidied where they differ in nothing that matters, refused by their place."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.tags import refuse_tags, tidy_tags


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ([], []),
        (["sea", "sky", "sea"], ["sea", "sky"]),
        (["Sea", "sea", "SEA"], ["Sea"]),
        (["  sea  side "], ["sea side"]),
        (["cafe\u0301", "caf\u00e9"], ["caf\u00e9"]),
    ],
)
def test_tags_are_kept_once_each_in_one_spelling(given, kept):
    assert tidy_tags(given) == kept


@given(st.lists(st.text(min_size=1, max_size=50), max_size=50))
def test_what_is_tidy_stays_as_it_is(tags):
    assert tidy_tags(tidy_tags(tags)) == tidy_tags(tags)


def test_a_tag_that_cannot_be_kept_is_refused_by_its_place():
    assert [each.path for each in refuse_tags(["sea", " ", "x" * 51])] == [("tags", "1"), ("tags", "2")]
