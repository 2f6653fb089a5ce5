"""Help that can be read, and settings of a config as they were typed."""

import pytest

from gps_seg.command_line import add_cfg_options, tool_parser


@pytest.fixture
def parser():
    return tool_parser(
        'First line.\n\npython tool.py \\\n    a b', prog='tool'
    )


def test_lines_of_the_docstring_stay(parser):
    assert '\npython tool.py \\\n    a b\n' in parser.format_help()


@pytest.mark.parametrize(
    ('default', 'shown'),
    [
        (0, '(default: 0)'),
        (0.5, '(default: 0.5)'),
        ('png', '(default: png)'),
        ([0, 1], '(default: 0 1)'),
        ('50 %', '(default: 50 %)'),
    ],
)
def test_defaults_are_shown(parser, default, shown):
    parser.add_argument('--x', default=default, help='some number')

    assert f'some number {shown}' in parser.format_help()


@pytest.mark.parametrize('default', [None, False, '', []])
def test_defaults_that_say_nothing_are_not_shown(parser, default):
    parser.add_argument('--x', default=default, help='some number')
    parser.add_argument('name', default='a', help='required')
    parser.add_argument('--y', default=5, help='y (default: as x)')

    text = parser.format_help()

    assert text.count('default') == 1


def test_settings_of_the_config_add_up_and_stay_text(parser):
    add_cfg_options(parser)

    args = parser.parse_args(
        ['--cfg-options', 'a=1', 'b.c=[1,2]', '--cfg-options', 'd=x=y']
    )

    assert args.cfg_options == ['a=1', 'b.c=[1,2]', 'd=x=y']
    assert parser.parse_args([]).cfg_options is None


@pytest.mark.parametrize('text', ['a', '=1', ''])
def test_what_is_no_setting_is_refused(parser, capsys, text):
    add_cfg_options(parser)

    with pytest.raises(SystemExit, match='2'):
        parser.parse_args(['--cfg-options', text])

    assert f"expected KEY=VALUE, got '{text}'" in capsys.readouterr().err


@pytest.mark.parametrize(
    ('word', 'advice'),
    [
        ('--sed', '. Did you mean --seed?'),
        ('--sed=3', '. Did you mean --seed?'),
        ('--zoom', ''),
        ('stray', ''),
    ],
)
def test_an_unknown_option_is_answered_with_the_one_that_was_meant(
    parser, capsys, word, advice
):
    parser.add_argument('--seed')

    with pytest.raises(SystemExit, match='2'):
        parser.parse_args([word])

    assert capsys.readouterr().err == (
        f'tool: unrecognized arguments: {word}{advice}\n'
        'Run tool --help for usage.\n'
    )
