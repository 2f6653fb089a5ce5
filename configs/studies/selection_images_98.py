"""How many images a selection needs: GPS at 98 x 98 on the confirming lists.

    python tools/compare.py configs/studies/selection_images_98.py \
        --seeds 10 11 12 --references 300 --cost-rounds 0

The variants differ in the number of training images that the pass looks at;
the training is the same. The rate is that of confirm_98.py.

Expected: image_mDice 71.5 by 4 images and 72.1 by 300 (means of 3 seeds). See
docs/selection.md.
"""

_base_ = './confirm_98.py'

rates = dict(_delete_=True)  # those of other variants
variants = {'_delete_': True} | {
    str(images): {
        'custom_hooks.0.method': dict(_delete_=True, type='gps', k=1),
        'custom_hooks.0.max_batches': images // 4,
    }
    for images in (4, 20, 100, 300)
}
references = ['300']
