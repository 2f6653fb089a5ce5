# Copyright (c) gps_seg contributors. Apache-2.0.
"""Count what GPS would train of a config's model, by kind of parameter.

python tools/count.py configs/gps_kvasir.py
python tools/count.py --markdown @docs/model_zoo.txt

Needs no data and no weights. An argument ``@FILE`` stands for the lines of a
file.
"""

import argparse

from gps_seg.runs import launch
from gps_seg.runs.counting import (
    count_config,
    format_count,
    markdown_table,
)


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        fromfile_prefix_chars='@',
    )
    add = parser.add_argument
    add('configs', nargs='+', help='config files, or package::config')
    add('--k', type=int, help="connections per neuron; default: config's, 1")
    add('--markdown', action='store_true', help='one table, a line per config')
    return parser.parse_args()


def main() -> None:
    args = parse_args()
    counts = [
        (name, count_config(launch.load_config(name), args.k))
        for name in args.configs
    ]
    if args.markdown:
        print(markdown_table(counts))
        return
    for name, count in counts:
        print(f'{name}\n{format_count(count)}')


if __name__ == '__main__':
    main()
