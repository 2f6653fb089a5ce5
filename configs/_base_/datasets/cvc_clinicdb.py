"""CVC-ClinicDB by video: 8 sequences to train on, 6 others to test on.

The pipelines are those of Kvasir-SEG, at 252 x 252 pixels.
"""

_base_ = './kvasir_seg.py'

dataset_type = 'PolypDataset'
data_root = 'data/cvc-clinicdb'

loader = dict(dataset=dict(type=dataset_type, data_root=data_root))
train_dataloader = loader
val_dataloader = loader
test_dataloader = loader
