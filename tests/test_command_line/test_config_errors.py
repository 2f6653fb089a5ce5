"""Mistakes in configs, as MMEngine finds them."""

from mmcv.transforms import TRANSFORMS
from mmengine.config import Config
from mmengine.registry import Registry

from gps_seg.command_line.errors import explain

PARTS = Registry('part', scope='toy', locations=[])


class Base:
    def __init__(self, width, depth=1):
        assert width > 0
        assert depth > 0, 'depth must be positive'
        self.width = width


@PARTS.register_module()
class Head(Base):
    def __init__(self, **kwargs):
        super().__init__(**kwargs)


@PARTS.register_module()
class Buggy:
    def __init__(self):
        {}['key']


def explanation(function):
    try:
        function()
    except Exception as error:
        return explain(error)
    raise AssertionError('nothing was raised')


def build(**config):
    return explanation(lambda: PARTS.build(config))


def test_a_type_that_nobody_registered():
    assert build(type='Haed') == (
        "config: expected a type of the registry toy::part, got 'Haed'. Did "
        'you mean Head? (--traceback shows where)'
    )
    assert 'custom_imports' in build(type='Tail')


def test_a_setting_that_the_class_does_not_have():
    """Also where a base class is the one to refuse it."""
    assert build(type='Head', widht=3) == (
        "config, Head: expected a setting of it, got 'widht'. Did you mean "
        "'width'? (--traceback shows where)"
    )


def test_a_setting_that_resembles_none_is_answered_with_all_of_them():
    assert 'It has width, depth.' in build(type='Head', zoom=3)
    assert 'Check its spelling.' in build(type='Buggy', zoom=3)


def test_a_setting_that_is_missing():
    assert 'config, Head: Base.__init__() missing 1 required' in build(
        type='Head'
    )


def test_a_type_that_is_missing():
    assert 'must contain the key "type"' in build(width=1)


def test_a_key_that_is_missing():
    config = Config({})

    told = explanation(lambda: config.model)

    assert told.startswith("config: expected the key 'model', got none.")


def test_an_assertion_of_openmmlab_is_about_the_config():
    """It has no message: its line says what was asserted."""
    told = explanation(
        lambda: TRANSFORMS.build(dict(type='CenterCrop', crop_size=-1))
    )

    assert told.startswith('config, CenterCrop: assert crop_size[0] > 0')


def test_another_assertion_is_a_bug():
    assert build(type='Head', width=0) is None


def test_an_error_inside_a_class_is_a_bug():
    assert build(type='Buggy') is None
