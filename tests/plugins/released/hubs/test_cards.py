"""Tags and cards say which data weights have seen."""

import pytest

from plugins.released.hubs.cards import data_of, data_of_card


@pytest.mark.parametrize(
    ("tag", "data"),
    [
        ("a1_in1k", ("imagenet",)),
        ("laion2b_ft_in12k_in1k", ("laion2b", "imagenet-12k", "imagenet")),
        ("lvd142m", ("lvd142m",)),
        ("laion2b_s34b_b79k", ("laion2b",)),
        ("openai", ("openai-wit",)),
        ("v1", ()),
        ("", ()),
    ],
)
def test_a_tag_names_its_data(tag, data):
    assert data_of(tag) == data


@pytest.mark.parametrize(
    ("card", "data"),
    [
        ("---\ndatasets: imagenet-1k\n---\n", ("imagenet",)),
        ("---\r\ndatasets: [imagenet-21k, a/COCO]\r\n---\r\n", ("imagenet-21k", "coco")),
        ("---\ndatasets: [<b>, 3, {a: b}, 'x y']\n---\n", ()),
        ("---\ndatasets: [!!python/object/apply:os.system [ls]]\n---\n", ()),
        ("---\n- a\n---\n", ()),
        ("---\na: 2020-99-99\n---\n", ()),
        ("---\na: [\n---\n", ()),
        ("---\na: 1\n", ()),
        ("# A network", ()),
        ("", ()),
    ],
)
def test_a_card_lists_its_data(card, data):
    assert data_of_card(card) == data
