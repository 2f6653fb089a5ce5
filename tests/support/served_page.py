# Copyright (c) gps_seg contributors. Apache-2.0.
"""The page of tasks in a process of its own, and the mask that it shows."""

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

REPO = Path(__file__).resolve().parents[2]
RED = (255, 0, 0)  # of the palette of the tasks


class Served:
    """A page in a process of its own."""

    def __init__(self, folder, *arguments):
        self.folder = folder / 'files'
        self.folder.mkdir()
        self.log = folder / 'log.txt'
        with self.log.open('w') as log:
            self.process = subprocess.Popen(
                [sys.executable, '-u', REPO / 'tools/app.py', *arguments],
                env={
                    **os.environ,
                    'PYTHONPATH': str(REPO),
                    'TMPDIR': str(self.folder),
                    # As the test has: with more, sums are rounded otherwise.
                    'OMP_NUM_THREADS': '1',
                },
                cwd=REPO,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        self.address = self._address()

    def _address(self):
        while self.process.poll() is None:
            found = re.search(r'The page is at (\S+)', self.log.read_text())
            if found:
                return found[1]
            try:
                self.process.wait(0.5)
            except subprocess.TimeoutExpired:
                continue
        raise AssertionError(self.log.read_text())

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(60)


def mask_in(overlay, height=40):
    """Pixels of the image that are painted; the overlay is enlarged."""
    factor = overlay.shape[0] // height
    return (overlay[::factor, ::factor, :3] == RED).all(axis=2)
