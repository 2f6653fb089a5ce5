"""CVC-ClinicDB by video at 252 x 252 in 200 steps, with Kvasir-SEG unseen.

    python tools/train.py configs/studies/clinicdb_252.py --seed 0

Not run.
"""

_base_ = './kvasir_252.py'

loader = dict(dataset=dict(type='PolypDataset', data_root='data/cvc-clinicdb'))
train_dataloader = loader
val_dataloader = loader
test_dataloader = loader
unseen = dict(_delete_=True, kvasir=_base_.val_dataloader.dataset)
