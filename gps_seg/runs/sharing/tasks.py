# Copyright (c) gps_seg contributors. Apache-2.0.
"""What a model card says otherwise of a segmentor and of a classifier."""

from typing import NamedTuple

from mmengine.config import Config


class Task(NamedTuple):
    """Words and code of a kind of task.

    Args:
        name: What it is, with an article.
        effect: What the model does to an image, before the classes.
        hub_name: Name of the task on the Hugging Face hub.
        tags: For the hub.
        predictor: The line that imports what predicts.
        prediction: The line that predicts.
    """

    name: str
    effect: str
    hub_name: str
    tags: tuple[str, ...]
    predictor: str
    prediction: str


SEGMENTATION = Task(
    name='A segmentation task',
    effect='segments an image into',
    hub_name='image-segmentation',
    tags=('semantic-segmentation', 'mmsegmentation'),
    predictor='from mmseg.apis import inference_model',
    prediction=(
        "labels = inference_model(model, 'image.jpg').pred_sem_seg.data[0]"
    ),
)
CLASSIFICATION = Task(
    name='A classification task',
    effect='tells images apart as',
    hub_name='image-classification',
    tags=('mmpretrain',),
    predictor='from mmpretrain import ImageClassificationInferencer',
    prediction=(
        'predict = ImageClassificationInferencer(model)\n'
        "label = predict('image.jpg')[0]['pred_label']"
    ),
)


def task_of(config: Config) -> Task:
    """That of a config, by its default scope."""
    classifies = config.get('default_scope') == 'mmpretrain'
    return CLASSIFICATION if classifies else SEGMENTATION
