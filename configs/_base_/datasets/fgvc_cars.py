"""Stanford Cars at its official split; see docs/classification.md."""

_base_ = './fgvc.py'

dataset = dict(type='StanfordCars196', data_root='data/stanford_cars')

train_dataloader = dict(dataset=dataset)
test_dataloader = dict(dataset=dataset)
