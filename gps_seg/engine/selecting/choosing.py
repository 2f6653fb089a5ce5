# Copyright (c) gps_seg contributors. Apache-2.0.
"""The choice of a method in a run, the same in every process."""

from collections.abc import Generator, Mapping

from mmengine.dist import all_gather_object
from mmengine.runner import Runner

from gps_seg.engine.runner_model import bare_model, common_seed
from gps_seg.engine.selecting.scoring_pass import ScoringPass
from gps_seg.peft import Choice, PeftMethod, weights_to_select
from gps_seg.sparse import Evidence, Role, RunningSums, Selection


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
    weights = weights_to_select(model, roles)

    def passes(evidence: Evidence) -> Generator[RunningSums, None, None]:
        return scoring.run(
            model,
            method.encoder,
            {name: owned.parameter for name, owned in weights.items()},
            runner.train_dataloader,
            runner.optim_wrapper.optimizer,
            seed,
            evidence,
        )

    choice = method.choose(weights, passes, seed)
    check_same_everywhere(choice.selection)
    return choice


def check_same_everywhere(selection: Selection) -> None:
    """Raise RuntimeError unless all processes have the same selection."""
    hashes = all_gather_object(selection.hash)
    if len(set(hashes)) != 1:
        raise RuntimeError(
            'selection: expected the same hash in every process, got '
            f'{hashes}. The processes differ in weights, data or seed.'
        )
