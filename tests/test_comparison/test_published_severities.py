# Copyright (c) gps_seg contributors. Apache-2.0.
"""The scores by strength of the damage in ``docs/results.md``."""

import json
import re


def test_the_table_is_that_of_the_file(repo_dir):
    path = repo_dir / 'docs/results/severities_kvasir.json'
    measured = json.loads(path.read_text(encoding='utf-8'))
    page = (repo_dir / 'docs/results.md').read_text(encoding='utf-8')
    rows = re.findall(r'^\| (blur|noise), (\w+) \| (.+) \|$', page, re.M)
    assert len(rows) == 2 * len(measured)
    for kind, method, cells in rows:
        sets = ['test', *(f'{kind}-{strength}' for strength in range(1, 6))]
        expected = [
            '{mean:.1f} [{low:.1f}, {high:.1f}]'.format(
                **measured[method][name]
            )
            for name in sets
        ]
        assert cells.split(' | ') == expected
