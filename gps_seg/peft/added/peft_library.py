# Copyright (c) gps_seg contributors. Apache-2.0.
"""The tuners of Hugging Face's PEFT library, on a frozen encoder.

https://huggingface.co/docs/peft has their settings and papers. Their layers
compute here as they do there, but the modules and names of the model stay.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from torch import nn

from gps_seg.additions import Added, Plan
from gps_seg.additions.peft_library.configuration import all_settings
from gps_seg.additions.peft_library.trial import check_stands_alone
from gps_seg.additions.places import choose_maps
from gps_seg.peft.adding import AddsModules
from gps_seg.peft.method import Choice


@dataclass(frozen=True, kw_only=True)
class PeftLibrary(AddsModules):
    """Put a tuner of the library at linear maps of a frozen encoder.

    Needs the library: ``pip install 'gps-seg[peft]'``.

    Args:
        encoder: Name of the pretrained submodule; everything outside of it
            trains whole.
        peft_type: Name of the tuner in the library, in lower case, such as
            ``'lora'`` or ``'oft'``.
        settings: Fields of the library's configuration of that tuner, such as
            ``dict(r=4)``; where tuners are placed is said by ``on``.
        on: Kinds of linear maps: ``'q'``, ``'k'``, ``'v'``, ``'proj'``,
            ``'fc1'``, ``'fc2'``, ``'other'``, or ``('all',)``.

    Raises:
        TypeError: If a value has the wrong type.

    Example:
        >>> PeftLibrary(peft_type='oft', settings={'oft_block_size': 8}).on
        ('q', 'v')
    """

    package = 'peft'

    peft_type: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    on: Sequence[str] = ('q', 'v')

    def __post_init__(self) -> None:
        if not isinstance(self.settings, Mapping):
            raise TypeError(
                'settings: expected a dict of fields of the configuration, '
                f'got {self.settings!r}.'
            )

    def additions(self, model: nn.Module, choice: Choice | None) -> Plan:
        """A tuner for each chosen map."""
        maps = choose_maps(model, self.encoder, self.on)
        settings = all_settings(self.peft_type, self.settings)
        for shape in dict.fromkeys(one.shape for one in maps):
            check_stands_alone(self.peft_type, settings, shape)
        tuner = {'peft_type': self.peft_type, 'settings': settings}
        return Plan(Added('peft_tuner', one.place, tuner) for one in maps)
