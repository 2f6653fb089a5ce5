"""Oxford Flowers-102 at its official split; see docs/classification.md."""

_base_ = './fgvc.py'

dataset = dict(type='OxfordFlowers', data_root='data/flowers102')

train_dataloader = dict(dataset=dict(dataset, split='trainval'))
test_dataloader = dict(dataset=dataset)
