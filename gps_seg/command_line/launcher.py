# Copyright (c) gps_seg contributors. Apache-2.0.
"""Options of a tool that can run in several processes."""

import argparse


def add_launcher(parser: argparse.ArgumentParser) -> None:
    """Add ``--launcher``, and the option by which older launchers give a rank.

    Args:
        parser: Parser that gets the options.

    Example:
        >>> parser = argparse.ArgumentParser()
        >>> add_launcher(parser)
        >>> parser.parse_args(['--launcher', 'pytorch']).launcher
        'pytorch'
    """
    parser.add_argument(
        '--launcher',
        choices=['none', 'pytorch', 'slurm', 'mpi'],
        default='none',
        help='how several processes were started; see tools/dist_train.sh',
    )
    parser.add_argument(
        '--local_rank',
        '--local-rank',
        type=int,
        default=0,
        help=argparse.SUPPRESS,
    )
