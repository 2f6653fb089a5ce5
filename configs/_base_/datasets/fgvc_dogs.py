"""Stanford Dogs at its official split; see docs/classification.md."""

_base_ = ['./fgvc.py']

data_root = 'data/stanford_dogs'

train_dataloader = dict(dataset=dict(type='StanfordDogs', data_root=data_root))
test_dataloader = dict(dataset=dict(type='StanfordDogs', data_root=data_root))
