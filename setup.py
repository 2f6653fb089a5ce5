# Copyright (c) gps_seg contributors. Apache-2.0.
"""Packaging; the settings of the development tools are in pyproject.toml."""

import re
import shutil
from pathlib import Path

from setuptools import find_packages, setup
from setuptools.command.build_py import build_py

ROOT = Path(__file__).resolve().parent
# Where OpenMMLab's tools expect what is not Python modules.
MIM = Path('gps_seg/.mim')
MIM_SOURCES = (
    'configs',
    'data/demo',
    'data/splits',
    'model-index.yml',
    'tools',
)

# The ranges are what the code needs; constraints.txt holds what was tried.
EXPORT = ['onnx>=1.19', 'onnxruntime>=1.22', 'onnxscript>=0.5']
# What PySODMetrics imports. It goes in by itself, without its dependencies
# (see the Makefile): it asks for numpy below 2.3.5, but runs with ours.
POLYP = ['scikit-image>=0.25', 'scikit-learn>=1.6']
REQUIREMENTS = [
    'albumentations>=2.0.8,<2.1',
    # The page of a run; torch brings it, too.
    'jinja2>=3.1',
    'matplotlib>=3.8',
    'numpy>=1.26',
    # Both wheels share one folder, and albumentations asks for the headless
    # one where OpenMMLab asks for the other: unequal versions get mixed.
    'opencv-python>=4.11,<5',
    'opencv-python-headless>=4.11,<5',
    'pillow>=10',
    'safetensors>=0.4.3',
    'torch>=2.6',
]
EXTRAS = {
    'onedl': [
        'onedl-mmcv>=2.3.6,<2.4',
        'onedl-mmengine>=0.10.12,<0.11',
        'onedl-mmpretrain>=1.3.6,<1.4',
        'onedl-mmsegmentation>=1.4.2,<1.5',
    ],
    'openmmlab': [
        # Imported, but not declared, by mmsegmentation 1.2.2.
        'ftfy',
        'regex',
        'mmcv>=2.1,<2.2',
        'mmengine>=0.10.7,<0.11',
        'mmpretrain>=1.2,<1.3',
        'mmsegmentation>=1.2.2,<1.3',
    ],
    # The method of that name: tuners of Hugging Face's library.
    'peft': ['peft>=0.21'],
    # The mask decoder of SAM, for configs/gps_sam_kvasir.py and its siblings.
    'sam': ['transformers>=5'],
    # LoRA, a rival in tools/benchmark.py. Not in dev: MMEngine imports what
    # it brings along, and every start of a program would take twice as long.
    'benchmark': ['peft>=0.17'],
    # tools/export.py to ONNX; TorchScript needs nothing.
    'export': EXPORT,
    # PolypMetric, after which: pip install --no-deps pysodmetrics
    'polyp': POLYP,
    # tools/app.py: the page on which tasks are tried.
    'app': ['gradio>=6'],
    # Encoders of timm, by their names.
    'encoders': ['timm>=1.0.20'],
    # tools/share.py --push, and tasks by hf:// addresses.
    'hub': ['huggingface_hub>=0.30'],
    # The pages of docs/ as a site, and the notebook.
    'docs': [
        'furo>=2024.8',
        'jupytext>=1.16',
        'myst-parser>=4',
        'sphinx>=8',
        'sphinx-copybutton>=0.5',
    ],
    # The test of the page in a browser; the browser itself is Chromium of the
    # operating system.
    'browser': ['playwright>=1.45'],
    'dev': [
        *EXPORT,
        *POLYP,
        'hypothesis>=6',
        'mypy>=1.11',
        'pre-commit>=4',
        'pytest>=8',
        'pytest-timeout>=2.3',
        'pytest-xdist>=3.6',
        'ruff>=0.8',
    ],
}


class BuildWithMim(build_py):
    """Copy configs, tools and small data into the wheel as ``.mim``.

    The copies go into the build folder alone, never into the source tree; an
    editable install has the originals, to which ``gps_seg/.mim`` links.
    """

    def run(self) -> None:
        super().run()
        if not self.editable_mode:
            self._copy_mim()

    def _copy_mim(self) -> None:
        target = Path(self.build_lib) / MIM
        shutil.rmtree(target, ignore_errors=True)
        for source in MIM_SOURCES:
            if (ROOT / source).is_dir():
                shutil.copytree(
                    ROOT / source,
                    target / source,
                    ignore=shutil.ignore_patterns('__pycache__', '*.pyc'),
                )
            elif (ROOT / source).is_file():
                shutil.copy(ROOT / source, target / source)


def read_version() -> str:
    """Read the version without importing the package."""
    text = (ROOT / 'gps_seg/__init__.py').read_text(encoding='utf-8')
    match = re.search(r"^__version__ = '([^']+)'$", text, re.MULTILINE)
    if match is None:
        raise RuntimeError('gps_seg/__init__.py: no __version__ line')
    return match.group(1)


def read_readme() -> str:
    return (ROOT / 'README.md').read_text(encoding='utf-8')


setup(
    name='gps-seg',
    version=read_version(),
    description=(
        'Fine-tune pretrained segmentors by training only the weights that '
        "the task's own gradient points at"
    ),
    long_description=read_readme(),
    long_description_content_type='text/markdown',
    author='gps_seg contributors',
    license='Apache-2.0',
    license_files=['LICENSE'],
    keywords='segmentation, fine-tuning, PEFT, medical imaging, ViT',
    packages=find_packages(include=['gps_seg', 'gps_seg.*']),
    package_data={
        'gps_seg': ['py.typed', 'visualization/pages/templates/*'],
    },
    # Declared only as far as tried.
    python_requires='>=3.11',
    classifiers=[
        'Intended Audience :: Science/Research',
        'Programming Language :: Python :: 3',
        'Programming Language :: Python :: 3.11',
        'Topic :: Scientific/Engineering :: Image Recognition',
    ],
    install_requires=REQUIREMENTS,
    extras_require=EXTRAS,
    entry_points={'console_scripts': ['gps-seg = gps_seg.__main__:main']},
    cmdclass={'build_py': BuildWithMim},
)
