# Copyright (c) gps_seg contributors. Apache-2.0.
"""Check that a run fits the method that tunes its model."""

from collections.abc import Mapping
from itertools import chain
from typing import Any

from mmengine.dataset import Compose
from mmengine.runner import Runner
from torch import nn

from gps_seg.additions import attached, beside
from gps_seg.engine.runner_model import bare_model, check_wrapper
from gps_seg.engine.selecting.scoring_pass import ScoringPass
from gps_seg.engine.start_weights import check_start
from gps_seg.engine.training.ignored_settings import (
    idle_encoder,
    ignored_by_method,
    ignored_settings,
)
from gps_seg.engine.training.optim_wrapper import TrainsSelected
from gps_seg.engine.training.optimizer_targets import check_keeps_no_other_list
from gps_seg.engine.training.wrapper_types import wrong_wrapper
from gps_seg.engine.training_mode import in_training_mode
from gps_seg.peft import PeftMethod, release
from gps_seg.sparse import Role


def check_run(
    runner: Runner,
    method: PeftMethod,
    config: Mapping[str, Any],
    scoring: ScoringPass,
) -> dict[str, Role]:
    """Check that a run fits its method; warn about settings without effect.

    Args:
        runner: Runner with its model and optim wrapper built.
        method: Method that tunes the model.
        config: Type and settings of the method.
        scoring: Pass over the training data that selects.

    Returns:
        The role of every parameter, by name.

    Raises:
        FileNotFoundError: If the file to start from does not exist.
        ValueError: If something does not fit; the key is named.
    """
    if not isinstance(runner.optim_wrapper, TrainsSelected):
        raise wrong_wrapper(type(runner.optim_wrapper).__name__)
    check_keeps_no_other_list(runner.optim_wrapper.optimizer)
    check_start(runner._load_from)
    check_wrapper(runner)
    if scoring.pipeline is not None:
        Compose(scoring.pipeline)  # raises unless it can be built
    model = bare_model(runner)
    release(model)  # an interrupted run may have tuned it
    with in_training_mode(model):
        roles = dict(method.roles(model))
        cautions = list(method.cautions(model))
    with attached(model, method.provisional(model), seed=0):
        method.check(method.scored(model, roles))
    trained = _trained(model, method, roles)
    for sentence in chain(
        ignored_settings(runner.cfg, trained),
        ignored_by_method(method, config, scoring.given),
        idle_encoder(method, trained),
        cautions,
    ):
        runner.logger.warning(sentence)
    return roles


def _trained(
    model: nn.Module, method: PeftMethod, roles: Mapping[str, Role]
) -> list[str]:
    """Names of what trains, and of that beside which something is added."""
    with attached(model, method.additions(model, None), seed=0):
        joined = set(beside(model).values())
    return [
        name
        for name, parameter in model.named_parameters()
        if roles[name] is not Role.FROZEN or parameter in joined
    ]
