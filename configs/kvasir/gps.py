"""GPS on Kvasir-SEG, beside its rivals; see gps_kvasir.py."""

_base_ = '../gps_kvasir.py'
