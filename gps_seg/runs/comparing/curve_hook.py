# Copyright (c) gps_seg contributors. Apache-2.0.
"""The scores of a run's validations, by the iteration of each."""

from mmengine.hooks import Hook
from mmengine.runner import Runner

#: Key of the message hub.
_CURVE = 'comparison_curve'


class CurveHook(Hook):
    """Note iteration and Dice per image at each validation.

    The iteration does not follow from ``val_interval``: an epoch-based loop
    counts it in epochs, and ``val_begin`` or ``dynamic_intervals`` change it.
    The curve is kept in the message hub, and so in the state from which a
    stopped run is resumed.
    """

    def before_train(self, runner: Runner) -> None:
        """Begin the curve."""
        if runner.iter == 0:
            runner.message_hub.update_info(_CURVE, [])

    def after_val_epoch(
        self, runner: Runner, metrics: dict[str, float] | None = None
    ) -> None:
        """Add a point."""
        if metrics and 'image_mDice' in metrics:
            point = [float(runner.iter), float(metrics['image_mDice'])]
            runner.message_hub.update_info(
                _CURVE, [*self.curve(runner), point]
            )

    def curve(self, runner: Runner) -> list[list[float]]:
        """Iteration and score of each validation so far."""
        points: list[list[float]] = runner.message_hub.get_info(_CURVE, [])
        return points
