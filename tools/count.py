# Copyright (c) gps_seg contributors. Apache-2.0.
"""Count the values that a method would train in a config's model.

python tools/count.py configs/gps_kvasir.py
python tools/count.py configs/gps_kvasir.py --method lora \
    --peft-options method.rank=16
python tools/count.py --markdown @docs/model_zoo.txt

Neither data nor weights are needed. An argument @FILE stands for the lines of
that file.
"""

import argparse
import sys

from gps_seg.command_line import run_tool, tool_parser


def build_parser() -> argparse.ArgumentParser:
    parser = tool_parser(__doc__, fromfile_prefix_chars='@')
    add = parser.add_argument
    add(
        'configs',
        nargs='+',
        metavar='CONFIG',
        help='config file, or package::path of an installed package',
    )
    add(
        '--method',
        help="tuning method instead of the config's (gps without one), such "
        'as bias, full or lora',
    )
    add(
        '--k',
        type=int,
        help="connections per neuron (default: the config's, or 1)",
    )
    add(
        '--peft-options',
        nargs='+',
        metavar='KEY=VALUE',
        default=[],
        help='settings of the method: method.rank=16 method.share=0.01 ...',
    )
    add(
        '--markdown',
        action='store_true',
        help='print a Markdown table of the encoders, one line per config',
    )
    return parser


def run(args: argparse.Namespace) -> str:
    from gps_seg.runs.counting.counts import count_config
    from gps_seg.runs.counting.tables import format_count, markdown_table
    from gps_seg.runs.launch import load_config
    from gps_seg.runs.method_options import set_hook
    from gps_seg.runs.overrides import parse_overrides

    options = parse_overrides(args.peft_options, '--peft-options')
    counts = []
    for name in args.configs:
        config = load_config(name)
        set_hook(config, args.method, options)
        counts.append((name, count_config(config, args.k)))
    if args.markdown:
        return markdown_table(counts)
    return '\n\n'.join(
        f'{name}\n{format_count(count)}' for name, count in counts
    )


def main() -> int:
    return run_tool(build_parser(), run)


if __name__ == '__main__':
    sys.exit(main())
