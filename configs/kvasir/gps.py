"""GPS beside its rivals: the main config.

    python tools/train.py configs/kvasir/gps.py --seed 0

docs/results.md has the scores of this folder.
"""

_base_ = '../gps_kvasir.py'
