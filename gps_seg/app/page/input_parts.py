# Copyright (c) gps_seg contributors. Apache-2.0.
"""The parts of the page that take an image, a mask and the opacity."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from gps_seg.app.inputs.examples import Examples

FIRST_TAB = 'Try'
_OPACITY = 0.5


@dataclass
class Inputs:
    """Parts of the page that all tabs read, and the name of the open tab."""

    image: Any
    mask: Any
    opacity: Any
    open_tab: Any

    @property
    def of_overlay(self) -> list[Any]:
        """What an overlay depends on, besides its tasks."""
        return [self.image, self.mask, self.opacity]

    @classmethod
    def build(cls, gradio: Any, examples: Examples) -> Inputs:
        """Put the parts into the page.

        Args:
            gradio: The library.
            examples: Images to offer.
        """
        image = _file_of_image(
            gradio,
            label='Image',
            sources=['upload', 'webcam', 'clipboard'],
            height=240,
            elem_id='image',
        )
        offered = [[str(example.image)] for example in examples.all]
        if offered:
            gradio.Examples(offered, [image], label='Examples')
        opacity = gradio.Slider(
            0, 1, _OPACITY, step=0.05, label='Opacity', elem_id='opacity'
        )
        with gradio.Accordion('Ground truth (optional)', open=False):
            mask = _file_of_image(
                gradio,
                label='Mask of the image',
                sources=['upload'],
                height=180,
                elem_id='mask',
            )
        return cls(image, mask, opacity, gradio.State(FIRST_TAB))


def _file_of_image(gradio: Any, **options: Any) -> Any:
    """An image as the file that was uploaded.

    Gradio's own preparation opens the file, and ends with a traceback if it
    is not an image.
    """
    image = gradio.Image(type='filepath', image_mode=None, **options)
    prepare = image.preprocess

    def keep_file(payload: Any) -> Any:
        if payload is None or not payload.path:
            return prepare(payload)
        return payload.path

    image.preprocess = keep_file
    return image
