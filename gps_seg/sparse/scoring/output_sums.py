# Copyright (c) gps_seg contributors. Apache-2.0.
"""Sum of the squared outputs of each row of a linear map's weight."""

from collections.abc import Callable, Mapping

from torch import Tensor

from gps_seg.sparse.interception import find_rows
from gps_seg.sparse.scoring.forward_sums import ForwardSums, Watch


class OutputSums(ForwardSums):
    """Sums of the squared outputs of linear maps, one for each row."""

    @property
    def watchers(self) -> Mapping[str, Watch]:
        """Only linear maps are watched."""
        return {'linear': self._linear}

    def _linear(self, plain: Callable[..., Tensor]) -> Callable[..., Tensor]:
        def linear(
            input: Tensor,  # noqa: A002 (the name by which it is called)
            weight: Tensor,
            bias: Tensor | None = None,
        ) -> Tensor:
            output = plain(input, weight, bias)
            found = find_rows(weight, self._sums)
            if found is not None:
                tokens = output.detach().float().square()
                self.add(*found, tokens.reshape(-1, len(weight)).sum(0))
            return output

        return linear
