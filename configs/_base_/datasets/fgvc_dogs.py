"""Stanford Dogs at its official split; see docs/classification.md."""

_base_ = './fgvc.py'

dataset = dict(type='StanfordDogs', data_root='data/stanford_dogs')

train_dataloader = dict(dataset=dataset)
test_dataloader = dict(dataset=dataset)
