"""NABirds at its official split; see docs/classification.md."""

_base_ = './fgvc.py'

dataset = dict(type='NABirds', data_root='data/nabirds')

train_dataloader = dict(dataset=dataset)
test_dataloader = dict(dataset=dataset)
