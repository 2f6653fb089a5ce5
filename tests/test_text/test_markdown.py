"""Pieces of Markdown hold whatever they are given."""

from gps_seg.text.markdown import code, is_on_hub, link, table


def test_names_on_the_hub():
    assert is_on_hub('timm/vit_small_patch14_dinov2.lvd142m')
    for name in (
        'vit',
        'a/b/c',
        'weights/vit.safetensors',
        'x/y.pth',
        'a b/c',
    ):
        assert not is_on_hub(name), name
        assert link(name) == name
    link_to = 'https://huggingface.co/datasets/kvasir/seg'
    assert link('kvasir/seg', 'datasets/') == f'[kvasir/seg]({link_to})'


def test_code_cannot_be_ended_from_inside():
    assert code('a`b\n c') == "`a'b c`"


def test_a_name_steers_neither_a_terminal_nor_a_table():
    name = code('a\x1b[31m|\u202e 99')
    assert name == r'`a\x1b[31m|\u202e 99`'
    assert table([('', 'value'), (name, 1.5)]).splitlines()[2] == (
        r'| `a\x1b[31m\|\u202e 99` | 1.5 |'
    )
