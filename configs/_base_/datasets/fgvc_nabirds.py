"""NABirds at its official split; see docs/classification.md."""

_base_ = ['./fgvc.py']

data_root = 'data/nabirds'

train_dataloader = dict(dataset=dict(type='NABirds', data_root=data_root))
test_dataloader = dict(dataset=dict(type='NABirds', data_root=data_root))
