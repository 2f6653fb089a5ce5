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
# Tuned at 98 x 98 on frames of training videos that are held out.
rates = {
    'bias': 1.0,
    'gps random': 3.0,
    'gps random unit': 3.0,
    'gps': 3.0,
    'gps decrement': 1.0,
}
