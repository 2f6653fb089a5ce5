"""CUB-200-2011 at its official split; see docs/classification.md."""

_base_ = './fgvc.py'

dataset = dict(type='CUB200', data_root='data/CUB_200_2011')

train_dataloader = dict(dataset=dataset)
test_dataloader = dict(dataset=dataset)
