# Copyright (c) gps_seg contributors. Apache-2.0.
"""The choice of a method in a run, the same in every process."""

import json
from collections.abc import Generator, Mapping

from mmengine.dist import all_gather_object
from mmengine.runner import Runner

from gps_seg.additions import attached
from gps_seg.engine.runner_model import bare_model, common_seed
from gps_seg.engine.selecting.pass_precision import pass_dtype
from gps_seg.engine.selecting.scoring_pass import ScoringPass
from gps_seg.peft import Choice, PeftMethod
from gps_seg.sparse import Evidence, Role, RunningSums


def choose(
    runner: Runner,
    method: PeftMethod,
    roles: Mapping[str, Role],
    scoring: ScoringPass,
) -> Choice:
    """Let a method choose what trains, by the training data of a run.

    Args:
        runner: Runner whose model has the weights before training.
        method: Tuning method.
        roles: Role of every parameter, by name.
        scoring: Pass over the training data, run only if the method needs it.

    Raises:
        RuntimeError: If the processes of the run choose differently.
        ValueError: If the data or the loss does not allow a choice.
    """
    model, seed = bare_model(runner), common_seed(runner)

    def passes(
        evidence: Evidence, *, most: int | None = None, doublings: bool = False
    ) -> Generator[RunningSums, None, None]:
        return scoring.upto(most).run(
            model,
            method.encoder,
            {name: owned.parameter for name, owned in weights.items()},
            runner.train_dataloader,
            runner.optim_wrapper.optimizer,
            seed,
            evidence,
            doublings=doublings,
            dtype=pass_dtype(runner.optim_wrapper),
            whole={n for n, role in roles.items() if role is Role.WHOLE},
        )

    with attached(model, method.provisional(model), seed):
        weights = method.scored(model, roles)
        choice = method.choose(model, weights, passes, seed)
    check_same_everywhere(choice)
    return choice


def check_same_everywhere(choice: Choice) -> None:
    """Raise RuntimeError unless all processes have chosen the same."""
    structure = json.dumps(choice.structure, sort_keys=True)
    chosen = all_gather_object((choice.selection.hash, structure))
    if len(set(chosen)) != 1:
        hashes = [selection for selection, _ in chosen]
        raise RuntimeError(
            'selection: expected the same entries and structure in every '
            f'process, got the hashes {hashes}. The processes differ in '
            'weights, data or seed.'
        )
