# Copyright (c) gps_seg contributors. Apache-2.0.
"""A test on several data sets: the work of ``tools/test.py --unseen``."""

from argparse import Namespace
from collections.abc import Callable, Mapping, Sequence

from mmengine.config import Config
from mmengine.device import get_device

from gps_seg.command_line.next_steps import shown
from gps_seg.comparison.ensembles import TUNED
from gps_seg.comparison.unseen.tables import console_tables
from gps_seg.delta import Delta, applied, is_delta
from gps_seg.delta.attaching import require_nothing_added
from gps_seg.engine import build_base, build_tuned
from gps_seg.runs.console.screen import Console, quiet
from gps_seg.runs.data_errors import naming_the_check_of_files
from gps_seg.runs.launch import find_weights, load_config
from gps_seg.runs.scoring.data_sets import TEST, open_sets
from gps_seg.runs.scoring.ensembles import ByAlpha, score_all, score_between
from gps_seg.runs.scoring.images import TESTED, ImagesToScore
from gps_seg.runs.unseen.choice import chosen_sets
from gps_seg.runs.unseen.report import facts_of, write_report
from gps_seg.text.clock import Clock

#: Options of a plain test that a table of several data sets does not have.
_OF_ONE_SET = ('out', 'show_dir', 'tta')


def test(args: Namespace) -> None:
    """Test weights on the config's own test set and on its unseen ones.

    Args:
        args: Command line of ``tools/test.py``.

    Raises:
        OSError: If a file is missing or cannot be written.
        ValueError: If config, weights, data and options do not fit each other.
    """
    _check_options(args)
    with Console(args.verbose) as console:
        config = load_config(args.config, args.work_dir, args.cfg_options)
        sets = {TEST: None, **chosen_sets(config, args.unseen)}
        delta = _delta_of(find_weights(args.checkpoint), args.alphas)
        data = open_sets(config, sets, TESTED)
        facts = facts_of(config, sets, data, delta)
        console.write(
            f'Testing {args.checkpoint} with {args.config}\n'
            f'  images    {_sizes(data)}'
        )
        scores = _score(config, args, delta, data, console.write)
        summary, folder = write_report(args, config, facts, scores)
        console.write(f'\n{console_tables(summary)}\n')
        console.write(f'More in {shown(folder)}/table.md')


def _check_options(args: Namespace) -> None:
    given = [name for name in _OF_ONE_SET if getattr(args, name)]
    if args.launcher != 'none':
        given.append('launcher')
    if given:
        option = given[0].replace('_', '-')
        raise ValueError(
            f'--unseen: expected no --{option} beside it, got both. Test one '
            'data set at a time for that, with --cfg-options '
            'test_dataloader.dataset.data_root=FOLDER.'
        )


def _delta_of(weights: str, alphas: Sequence[float]) -> Delta | None:
    """The delta with the weights; None for a checkpoint.

    Raises:
        ValueError: If there are alphas, but no weights between base and tuned
            model.
    """
    delta = Delta.load(weights) if is_delta(weights) else None
    if alphas and delta is None:
        raise ValueError(
            f'--alphas: expected a delta, got the checkpoint {weights}, which '
            'does not name its base. tools/delta.py extract makes a delta.'
        )
    if alphas:
        require_nothing_added('--alphas', delta)
    return delta


def _sizes(data: Mapping[str, ImagesToScore]) -> str:
    return ', '.join(
        f'{name} {len(each.paths):,}' for name, each in data.items()
    )


def _score(
    config: Config,
    args: Namespace,
    delta: Delta | None,
    data: Mapping[str, ImagesToScore],
    report: Callable[[str], None],
) -> ByAlpha:
    """Score the tuned model, and those between it and its base."""
    batches = sum(len(images.loader) for images in data.values())
    progress = _Progress(batches * (1 + len(args.alphas)), report)
    with naming_the_check_of_files():
        if delta is None:
            with quiet():
                tuned = build_tuned(config, args.checkpoint)
            return {TUNED: score_all(tuned.to(get_device()), data, progress)}
        with quiet():
            base = build_base(config, delta.info.seed).to(get_device())
        with applied(base, delta):
            scores = {TUNED: score_all(base, data, progress)}
        return scores | score_between(base, delta, args.alphas, data, progress)


class _Progress:
    """Count batches, and report them from time to time with the time left."""

    def __init__(self, total: int, report: Callable[[str], None]) -> None:
        self.clock = Clock(total)
        self.report = report
        self.done = 0

    def __call__(self) -> None:
        self.done += 1
        if self.clock.is_due(self.done):
            self.report(
                f'Test: batch {self.done}/{self.clock.total}, '
                f'{self.clock.left(self.done)}'
            )
