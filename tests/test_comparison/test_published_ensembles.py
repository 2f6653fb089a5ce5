# Copyright (c) gps_seg contributors. Apache-2.0.
"""The weights between base and tuned model in ``docs/sam.md``."""

import json
import re


def test_the_table_is_that_of_the_file(repo_dir):
    path = repo_dir / 'docs/results/ensembles_sam_head.json'
    measured = json.loads(path.read_text(encoding='utf-8'))
    page = (repo_dir / 'docs/sam.md').read_text(encoding='utf-8')
    rows = re.findall(
        r'^\| (\w+), (validation|clinicdb) \| (.+) \|$', page, re.M
    )
    assert len(rows) == 2 * len(measured)
    for method, name, cells in rows:
        expected = []
        for cell in measured[method][name].values():
            text = f'{cell["score"]:.1f}'
            if 'change' in cell:
                text += ', {mean:+.1f} [{low:+.1f}, {high:+.1f}]'.format(
                    **cell['change']
                )
            expected.append(text)
        assert cells.split(' | ') == expected
