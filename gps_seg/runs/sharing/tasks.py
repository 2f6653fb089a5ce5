# Copyright (c) gps_seg contributors. Apache-2.0.
"""The parts of a model card that depend on the kind of task."""

from typing import NamedTuple

from mmengine.config import Config


class Task(NamedTuple):
    """Words and code for a kind of task.

    Args:
        name: Name of the task, with an article.
        effect: Effect of the model on an image; the classes follow.
        hub_name: Identifier of the task on the Hugging Face hub.
        tags: Tags for the hub.
        predictor: Line of code that imports the predictor.
        prediction: Lines of code that predict.
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
    effect='classifies an image as one of',
    hub_name='image-classification',
    tags=('mmpretrain',),
    predictor='from mmpretrain import ImageClassificationInferencer',
    prediction=(
        'predict = ImageClassificationInferencer(model)\n'
        "label = predict('image.jpg')[0]['pred_label']"
    ),
)


def task_of(config: Config) -> Task:
    """The task of a config, by its default scope."""
    classifies = config.get('default_scope') == 'mmpretrain'
    return CLASSIFICATION if classifies else SEGMENTATION
