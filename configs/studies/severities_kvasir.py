"""Kvasir-SEG with damaged copies of five severities, to test weights on.

    python tools/test.py configs/studies/severities_kvasir.py \
        work_dirs/gps_kvasir/best_delta.safetensors --unseen 'blur-*' 'noise-*'

For the weights of gps_kvasir.py and of its rivals. The picture shows the score
against the severity; without names, all six kinds are tested.

Not run.
"""

_base_ = [
    '../gps_kvasir.py',
    '../_base_/datasets/corrupted_kvasir.py',
]

unseen = {
    name: dict(data, pipeline=data.pipeline + _base_.test_pipeline[1:])
    for name, data in _base_.unseen.items()
}
