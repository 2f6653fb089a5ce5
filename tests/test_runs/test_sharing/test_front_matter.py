"""The head of the card, against the form that the Hugging Face hub specifies.

The form is written down here once more, by the hub's documents: modelcard.md
of huggingface/hub-docs, and the lists of licenses, metrics and tasks there.
"""

import re

import pytest
from mmengine.config import Config
from model_cards import ALL_NOTES, front_matter_of, page_of

from gps_seg.delta import DeltaInfo
from gps_seg.engine.testing.task_model import ModelSize
from gps_seg.runs.sharing import AuthorNotes, DeltaFacts
from gps_seg.runs.sharing.front_matter import front_matter
from gps_seg.runs.sharing.title import title_of

REPOSITORY = re.compile(r'[\w.-]+/[\w.-]+')
HUB_METRICS = {'accuracy', 'f1', 'mean_iou', 'precision', 'recall'}
HUB_TASKS = {'image-classification', 'image-segmentation'}
HUB_LICENSES = {'apache-2.0', 'mit', 'cc-by-4.0', 'cc-by-nc-4.0', 'other'}


def texts(value):
    return isinstance(value, list) and all(isinstance(t, str) for t in value)


FORM = {
    'library_name': lambda value: isinstance(value, str),
    'pipeline_tag': lambda value: value in HUB_TASKS,
    'tags': texts,
    'license': lambda value: value in HUB_LICENSES,
    'base_model': REPOSITORY.fullmatch,
    'base_model_relation': lambda value: value == 'adapter',
    'datasets': lambda value: all(map(REPOSITORY.fullmatch, value)),
    'metrics': lambda value: set(value) <= HUB_METRICS and value,
    'model-index': lambda value: all(map(is_model_result, value)) and value,
}


def is_model_result(entry):
    return entry.keys() == {'name', 'results'} and all(
        result.keys() == {'task', 'dataset', 'metrics'}
        and result['task']['type'] in HUB_TASKS
        and {'type', 'name'} <= result['dataset'].keys()
        and all(isinstance(v, str) for v in result['dataset'].values())
        and result['metrics']
        and all(map(is_metric_result, result['metrics']))
        for result in entry['results']
    )


def is_metric_result(metric):
    return {'type', 'value'} <= metric.keys() <= {
        'type',
        'value',
        'name',
    } and (
        isinstance(metric['type'], str)
        and isinstance(metric['value'], int | float)
    )


def breaches(head):
    """Keys that the form does not know, and values that it does not allow."""
    return [key for key in head if key not in FORM or not FORM[key](head[key])]


BACKBONE = {'type': 'mmpretrain.VisionTransformer'}
WEIGHTS = {'checkpoint': 'weights://vit-small-p14_dinov2'}
SEGMENTOR = {
    'model': {'type': 'EncoderDecoder', 'backbone': BACKBONE},
    'val_dataloader': {
        'dataset': {'type': 'KvasirSEGDataset', 'data_root': 'kvasir-seg/'}
    },
}
CLASSIFIER = {
    'default_scope': 'mmpretrain',
    'model': {
        'type': 'ImageClassifier',
        'backbone': {**BACKBONE, 'init_cfg': WEIGHTS},
    },
    'val_dataloader': {'dataset': {'type': 'Flowers102'}},
}
POLYPS = {
    'classes': ('background', 'polyp'),
    'method': {'type': 'gps', 'k': 1},
    'metric': {
        'mDice': 69.45920913067692,
        'mIoU': 60.0,
        'Dice.polyp': 50.0,
        'IoU.background': 40.0,
    },
}
FLOWERS = {
    'method': {'type': 'linear'},
    'metric': {'accuracy/top1': 91.234, 'accuracy/top5': 99.0},
}


def head_of(config, facts, notes):
    known = DeltaFacts(
        description={'info': DeltaInfo(**facts).to_json()},
        config=Config(config),
        full=ModelSize(1, 1, 4),
        sha256='',
        pictures={},
    )
    text = front_matter(known, notes)
    return front_matter_of(f'{text}\n'), title_of(known, notes)


PLAIN = AuthorNotes(base='weights of our own')


@pytest.mark.parametrize('config', [SEGMENTOR, CLASSIFIER])
@pytest.mark.parametrize('facts', [{}, POLYPS, FLOWERS])
@pytest.mark.parametrize('notes', [PLAIN, ALL_NOTES])
def test_the_head_has_the_form_of_the_hub(config, facts, notes):
    head, _ = head_of(config, facts, notes)
    assert breaches(head) == []
    assert ('model-index' in head) is bool(facts)


def test_the_form_refuses_what_earlier_cards_had():
    assert breaches({'metrics': ['Dice.background']}) == ['metrics']
    assert breaches({'datasets': ['our own']}) == ['datasets']
    assert breaches({'license': None, 'k': 1}) == ['license', 'k']
    wrong = [{'name': 'x', 'results': [{'task': {'type': 'x'}}]}]
    assert breaches({'model-index': wrong}) == ['model-index']


def test_the_scores_of_a_segmentor_go_into_the_index():
    head, title = head_of(SEGMENTOR, POLYPS, PLAIN)
    assert head['metrics'] == ['mean_iou']
    (model,) = head['model-index']
    assert model['name'] == title
    assert model['results'] == [
        {
            'task': {'type': 'image-segmentation'},
            'dataset': {
                'type': 'kvasir-seg',
                'name': 'kvasir-seg',
                'split': 'validation',
            },
            'metrics': [
                {'type': 'mDice', 'value': 69.46, 'name': 'mDice'},
                {'type': 'mean_iou', 'value': 60.0, 'name': 'mIoU'},
            ],
        }
    ]


def test_scores_that_cannot_be_of_the_same_images_are_not_shared():
    impossible = {'metric': {'mDice': 88.1, 'mIoU': 72.5}}
    with pytest.raises(ValueError, match=r'84.1 .*metric of the delta'):
        head_of(SEGMENTOR, {**POLYPS, **impossible}, PLAIN)


def test_the_scores_of_a_classifier_go_into_the_index():
    head, _ = head_of(CLASSIFIER, FLOWERS, ALL_NOTES)
    assert head['metrics'] == ['accuracy']
    (result,) = head['model-index'][0]['results']
    assert result['task'] == {'type': 'image-classification'}
    assert (
        result['dataset']['type'] == 'kvasir/seg'
    )  # the author's, on the hub
    assert result['dataset']['name'] == 'Flowers102'
    top1, top5 = result['metrics']
    assert top1 == {
        'type': 'accuracy',
        'value': 91.23,
        'name': 'accuracy/top1',
    }
    assert top5['type'] == 'accuracy/top5'


@pytest.mark.parametrize(
    ('config', 'facts', 'expected'),
    [
        (SEGMENTOR, POLYPS, 'gps k=1 for kvasir-seg on VisionTransformer'),
        (CLASSIFIER, FLOWERS, 'linear for Flowers102 on vit-small-p14_dinov2'),
        ({'model': {'type': 'X'}}, {}, 'A delta on X'),
        ({'model': {}}, {}, 'A delta on a model'),
    ],
)
def test_the_title_is_made_of_method_data_and_model(config, facts, expected):
    assert head_of(config, facts, PLAIN)[1] == expected
    assert head_of(config, facts, ALL_NOTES)[1] == 'Polyps'


def test_the_page_begins_with_the_head(shared):
    page = page_of(shared)
    assert page.startswith('---\n')
    head = front_matter_of(page)
    (index,) = head.pop('model-index')
    assert index['name'] == 'Polyps'
    assert head == {
        'library_name': 'gps_seg',
        'pipeline_tag': 'image-segmentation',
        'tags': [
            *('semantic-segmentation', 'mmsegmentation', 'peft', 'delta'),
            'gps',
        ],
        'license': 'apache-2.0',
        'base_model': 'timm/vit_small',
        'base_model_relation': 'adapter',
        'datasets': ['kvasir/seg'],
        'metrics': ['mean_iou'],
    }


@pytest.mark.parametrize('field', ['title', 'base'])
def test_what_the_author_must_say(field):
    words = {'title': 'T', 'base': 'b', field: ' '}
    with pytest.raises(ValueError, match=f'{field}: expected a text'):
        AuthorNotes(**words)


@pytest.mark.parametrize('license_name', ['Apache 2.0', 'MIT', ' mit'])
def test_a_license_is_written_as_on_the_hub(license_name):
    with pytest.raises(ValueError, match='license: expected an identifier'):
        AuthorNotes(base='b', license=license_name)
