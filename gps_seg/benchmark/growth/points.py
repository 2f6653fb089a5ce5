# Copyright (c) gps_seg contributors. Apache-2.0.
"""What is measured: points on four axes.

Along the axes of tokens and of width a ViT is measured at two depths, and the
cost of one block is the difference per block. Along the axis of k and that of
images a host is measured as it is.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from gps_seg.benchmark.growth.block_costs import FULL, step_flops
from gps_seg.benchmark.growth.hosts import VITS, is_host

RANK = 8
#: Name of a row of the measurements -> method, and its settings.
ROWS: Mapping[str, tuple[str, Mapping[str, Any]]] = {
    'full': ('full', {}),
    'lora': ('lora', {'rank': RANK, 'on': ['all']}),
    'lora-qv': ('lora', {'rank': RANK, 'on': ['q', 'v']}),
    'bias': ('bias', {}),
    'gps': ('ours', {}),
}
#: Rows along the axes of tokens and width, besides GPS.
OTHERS = ('bias', 'full', 'lora')
#: All of them.
COMMON = (*OTHERS, 'gps')
#: Rows that the axis of k is compared with.
COMPARED = (*OTHERS, 'lora-qv')
#: The pass over the data and the selections from it, not a training step.
SELECT = 'select'
KS = (1, 2, 5, 10, 20, 50, 100)
# The stem of Swin and ConvNeXt has 4 x 4 x 3 inputs.
KS_OF_STEMS = (1, 2, 5, 10, 20, 48)


@dataclass(frozen=True)
class Host:
    """A model at one size of its input.

    Args:
        name: Name of the host.
        size: Side of the square input in pixels.
        blocks: Number of blocks of a ViT; None for another architecture.
        ks: Connections per neuron that are selected for it.
        images: Number of images of the pass over the data.
    """

    name: str
    size: int
    blocks: int | None
    ks: tuple[int, ...] = (1,)
    images: int = 1

    @property
    def key(self) -> str:
        """Name of the host in files."""
        depth = 'all' if self.blocks is None else self.blocks
        return f'{self.name}_{self.size}px_{depth}-blocks'


@dataclass(frozen=True)
class Point:
    """One measurement.

    Args:
        host: Model and input.
        row: Key of :data:`ROWS`, or :data:`SELECT`.
        k: Connections per neuron of ``gps``, else None.
    """

    host: Host
    row: str
    k: int | None = None

    @property
    def key(self) -> str:
        """Name of the measurement in the results."""
        suffix = '' if self.k is None else f' k={self.k}'
        return f'{self.host.key} {self.row}{suffix}'


@dataclass(frozen=True)
class Axes:
    """The axes.

    Args:
        depths: The two numbers of blocks that a ViT is measured at.
        sizes: Sides of the input along the axis of tokens, in pixels.
        narrow: ViT of that axis.
        widths: ViTs along the axis of width.
        size: Side of the input along the axis of width, in pixels.
        full_depth: Number of blocks at which the cost that follows from the
            two depths is checked, with the ViT ``narrow``.
        hosts: Hosts of the axis of k.
        many_images: Host whose pass over the data has many images.

    Example:
        >>> host = Host('vit-tiny', 64, 3, ks=(1, 4))
        >>> axes = Axes(
        ...     depths=(1, 3),
        ...     sizes=(32, 64),
        ...     narrow='vit-tiny',
        ...     widths=('vit-tinier', 'vit-tiny'),
        ...     size=64,
        ...     full_depth=4,
        ...     hosts=(host,),
        ...     many_images=host,
        ... )
        >>> [host.key for host in axes.at_sizes()]
        ['vit-tiny_32px_1-blocks', 'vit-tiny_64px_1-blocks']
    """

    depths: tuple[int, int]
    sizes: tuple[int, ...]
    narrow: str
    widths: tuple[str, ...]
    size: int
    full_depth: int
    hosts: tuple[Host, ...]
    many_images: Host

    def at_sizes(self) -> list[Host]:
        """Hosts of the axis of tokens, at the first depth."""
        return [Host(self.narrow, size, self.depths[0]) for size in self.sizes]

    def at_widths(self) -> list[Host]:
        """Hosts of the axis of width, at the first depth."""
        return [Host(name, self.size, self.depths[0]) for name in self.widths]

    def whole(self) -> Host:
        """The host at which costs by two depths are checked."""
        return Host(self.narrow, self.size, self.full_depth)


def default_axes(checkpoint: str | None) -> Axes:
    """The axes of the tool.

    Args:
        checkpoint: Weights of ViT-S/14, which then is a host of the axis of k;
            None to leave it out.

    Example:
        >>> default_axes(None).sizes
        (224, 512, 768, 1024)
    """
    hosts = [
        Host('vit-b', 512, 4, KS),
        Host('mmseg-vit-b', 512, 4, KS),
        Host('swin-t', 448, None, KS_OF_STEMS),
        Host('convnext-t', 448, None, KS_OF_STEMS),
    ]
    if checkpoint is not None:
        hosts.append(Host('vit-s14', 252, None, KS))
    return Axes(
        depths=(1, 4),
        sizes=(224, 512, 768, 1024),
        narrow='vit-s',
        widths=('vit-t', 'vit-s', 'vit-b', 'vit-l'),
        size=512,
        full_depth=12,
        hosts=tuple(host for host in hosts if is_host(host.name)),
        many_images=Host('vit-s', 224, 4, images=32),
    )


def points_of(axes: Axes) -> list[Point]:
    """All points, each once; those of a host follow its selections.

    Example:
        >>> points_of(default_axes(None))[0].key
        'vit-s_224px_4-blocks select'
    """
    hosts: dict[str, Host] = {}
    rows: dict[str, list[str]] = {}
    for host, compared in _hosts(axes):
        known = hosts.get(host.key, host)
        hosts[host.key] = replace(
            host,
            ks=tuple(sorted({*known.ks, *host.ks})),
            images=max(known.images, host.images),
        )
        rows.setdefault(host.key, []).extend(compared)
    return [
        point
        for key, host in hosts.items()
        for point in _points_at(host, dict.fromkeys(rows[key]))
    ]


def _hosts(axes: Axes) -> Iterator[tuple[Host, Sequence[str]]]:
    """Hosts, and the rows that are measured besides GPS."""
    yield axes.many_images, ()
    for host in (*axes.at_sizes(), *axes.at_widths()):
        for depth in axes.depths:
            yield at_depth(host, depth), OTHERS
    yield axes.whole(), OTHERS
    for host in axes.hosts:
        yield host, COMPARED


def _points_at(host: Host, rows: Iterable[str]) -> Iterator[Point]:
    yield Point(host, SELECT)
    for row in rows:
        yield Point(host, row)
    for k in host.ks:
        yield Point(host, 'gps', k)


def at_depth(host: Host, blocks: int) -> Host:
    """The host with another number of blocks."""
    return Host(host.name, host.size, blocks)


def expected_seconds(point: Point) -> int:
    """A guess of how long a point takes, for the time left.

    A process starts in 5 s and takes at least 4 steps, at 0.1 TFLOP/s.
    """
    host = point.host
    if host.blocks is None:
        return 20
    flops = step_flops(VITS[host.name].block(host.size), FULL)
    step = host.blocks * flops / 1e11
    return round(5 + max(3.0, (4 + host.images) * step))
