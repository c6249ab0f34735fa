"""Augmentation: pictures changed as hands, pens and cameras change them, many at once.

Everything is drawn from one generator, so that the same seed gives the same pictures. Source of
the elastic distortions: Simard, Steinkraus & Platt 2003 (ICDAR), here with a smooth random field
on a coarse grid instead of a blurred one on the fine grid, which is cheaper.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from typing import TYPE_CHECKING

from mnistry.errors import InputError

if TYPE_CHECKING:
    from torch import Generator, Tensor


_KNOTS = 6  # of the elastic field, along each side


@dataclass(frozen=True)
class Augmentation:
    """How far pictures may be changed; all zeros change nothing.

    Amounts are the most that is drawn, evenly to both sides where there are two.

    Parameters
    ----------
    shift : pixels, whole ones if nothing else bends the picture.
    rotation, slant : degrees. scale, stretch : shares, of both sides or of one against the other.
    elastic : pixels that the ink is displaced, waves as long as a quarter of the picture.
    stroke : 0 to 1; how much thinner or thicker the strokes get.
    blur : pixels, the largest standard deviation.
    contrast : 0 to 1; how much paler the ink, and how much its shades are bent.
    clutter : share of the pictures with a piece of something else at an edge.
    gaps : share of the pictures with strokes broken by a thin line of paper.
    noise : standard deviation, of ink 1.
    plain : share of the pictures that are only moved and bent.
    """

    shift: float = 0
    rotation: float = 0
    slant: float = 0
    scale: float = 0
    stretch: float = 0
    elastic: float = 0
    stroke: float = 0
    blur: float = 0
    contrast: float = 0
    clutter: float = 0
    gaps: float = 0
    noise: float = 0
    plain: float = 0

    def __post_init__(self) -> None:
        for name, value in asdict(self).items():
            if not 0 <= value <= 90:
                raise InputError(f"`{name}` must be from 0 to 90; got {value}.")

    @property
    def bends(self) -> bool:
        """Whether pixels have to be interpolated, or only moved whole."""
        return any(getattr(self, f.name) for f in fields(self) if f.name != "shift")

    def to_dict(self) -> dict[str, float]:
        """Give the amounts that are not zero."""
        return {name: value for name, value in asdict(self).items() if value}


def augment(
    images: Tensor, how: Augmentation, generator: Generator, rows: Tensor | None = None
) -> Tensor:
    """Change each picture in its own way.

    Parameters
    ----------
    images : float (n, 1, h, w), 0 = paper, 1 = ink.
    generator : on the images' device; decides everything.
    rows : (m,), of those to change, which come out as they would among all; None for all.

    Returns
    -------
    changed : (m, 1, h, w), in [0, 1].
    """
    import torch

    before = None  # where each picture's neighbour is, which is a part of its clutter
    draw = _Draw(generator, images)
    if rows is not None:
        wanted = rows
        if how.clutter:
            wanted, at = torch.cat([rows, (rows - 1) % len(images)]).unique(return_inverse=True)
            rows, before = at.chunk(2)
        images, draw.rows = images[wanted], wanted
    if how.gaps:
        images = _broken(images, how.gaps, draw)
    images = bent = _bent(images, how, draw)
    if how.stroke or how.blur:
        images = _restroked(images, how, draw)
    if how.clutter:
        neighbours = images.roll(1, 0) if before is None else images[before]
        if before is not None:
            images, bent, draw.rows = images[rows], bent[rows], wanted[rows]
        images = torch.maximum(images, _clutter(neighbours, how.clutter, draw))
    if how.contrast:
        paler = 1 - how.contrast * draw.uniform(0, 1) ** 2
        bend = torch.exp2(how.contrast * draw.uniform(-1.5, 1.5))
        images = paler * images.clamp(0, 1) ** bend
    if how.noise:
        spread = how.noise * draw.uniform(0, 1) ** 2
        images = images + spread * draw.normal(*images.shape[1:])
    if how.plain:
        images = torch.where(draw.uniform(0, 1) < how.plain, bent, images)
    return images.clamp(0, 1)


class _Draw:
    """Draws a number a picture, shaped to be multiplied with pictures (n, 1, h, w).

    It draws for all pictures, and gives what is drawn for those in `rows`, if that is set.
    """

    def __init__(self, generator: Generator, images: Tensor) -> None:
        self.generator, self.n, self.device = generator, len(images), images.device
        self.rows: Tensor | None = None

    def uniform(self, low: float, high: float, *shape: int) -> Tensor:
        """Give (n, 1, 1, 1), or (n, *shape), evenly in low..high."""
        import torch

        size = (self.n, *(shape or (1, 1, 1)))
        drawn = torch.rand(size, generator=self.generator, device=self.device)
        return low + (high - low) * self._own(drawn)

    def normal(self, *shape: int) -> Tensor:
        """Give (n, *shape), normal with variance 1."""
        import torch

        size = (self.n, *shape)
        return self._own(torch.randn(size, generator=self.generator, device=self.device))

    def _own(self, drawn: Tensor) -> Tensor:
        return drawn if self.rows is None else drawn[self.rows]

    def share(self, share: float) -> Tensor:
        """Mark a share of the pictures with 1, (n, 1, 1, 1)."""
        return (self.uniform(0, 1) < share).float()


def _bent(images: Tensor, how: Augmentation, draw: _Draw) -> Tensor:
    """Rotate, slant, scale, stretch, shift and displace: one look-up for each new pixel."""
    import torch
    from torch.nn import functional

    n, _, h, w = images.shape
    degree = torch.pi / 180
    angle = draw.uniform(-how.rotation, how.rotation).flatten() * degree
    slant = torch.tan(draw.uniform(-how.slant, how.slant).flatten() * degree)
    size = torch.exp(-draw.uniform(-how.scale, how.scale).flatten())
    ratio = torch.exp(draw.uniform(-how.stretch, how.stretch).flatten() / 2)
    cos, sin = torch.cos(angle) * size, torch.sin(angle) * size
    turn = torch.stack([cos, -sin, sin, cos], dim=1).view(n, 2, 2)
    lean = torch.stack(
        [ratio, slant, torch.zeros_like(slant), 1 / ratio], dim=1
    ).view(n, 2, 2)  # fmt: skip
    # Coordinates run from -1 to 1 across the picture, hence two to a side's pixels.
    move = draw.uniform(-how.shift, how.shift, 2, 1) * torch.tensor(
        [[2 / w], [2 / h]], device=images.device
    )
    grid = functional.affine_grid(
        torch.cat([turn @ lean, move], dim=2), list(images.shape), align_corners=False
    )
    if how.elastic:
        waves = draw.uniform(-1, 1, 2, _KNOTS, _KNOTS) * (how.elastic * draw.uniform(0, 1))
        # Two small products spread the coarse grid's waves smoothly over the pixels.
        waves = _spread(h, waves) @ waves @ _spread(w, waves).T
        sides = torch.tensor([2 / w, 2 / h], device=images.device)
        grid = grid + waves.permute(0, 2, 3, 1) * sides
    return functional.grid_sample(images, grid, mode="bilinear", align_corners=False)


def _spread(side: int, like: Tensor) -> Tensor:
    """Give the matrix (side, knots) of cubic interpolation from a coarse line to a fine one."""
    import torch
    from torch.nn import functional

    lines = torch.eye(_KNOTS, device=like.device)[None, None]
    size = (_KNOTS, side)
    return functional.interpolate(lines, size=size, mode="bicubic", align_corners=True)[0, 0].T


def _restroked(images: Tensor, how: Augmentation, draw: _Draw) -> Tensor:
    """Make strokes thinner or thicker by cutting a blurred picture lower or higher, then blur."""
    import torch

    if how.stroke:
        soft = _blurred(images, draw.uniform(0.6, 0.9))
        peak = soft.amax(dim=(2, 3), keepdim=True).clamp(min=1e-3)
        # What is below `low` becomes paper; blurred paper itself is 0 and stays so.
        low = (0.35 + 0.3 * how.stroke * draw.uniform(-1, 1)).clamp(min=0.04)
        changed = ((soft / peak - low) / draw.uniform(0.15, 0.5)).clamp(0, 1)
        images = torch.lerp(images, changed, draw.share(0.8))
    if how.blur:
        images = _blurred(images, how.blur * draw.uniform(0, 1) ** 2 + 1e-2)
    return images


def _blurred(images: Tensor, sigma: Tensor) -> Tensor:
    """Blur each picture by its own σ in pixels, (n, 1, 1, 1), with a kernel of 7 by 7."""
    import torch
    from torch.nn import functional

    n, _, h, w = images.shape
    at = torch.arange(-3, 4, device=images.device, dtype=images.dtype)
    kernel = torch.exp(-((at / sigma.view(n, 1)) ** 2) / 2)
    kernel = kernel / kernel.sum(dim=1, keepdim=True)
    stack = images.reshape(1, n, h, w)
    rows = functional.conv2d(stack, kernel.view(n, 1, 7, 1), padding=(3, 0), groups=n)
    return functional.conv2d(rows, kernel.view(n, 1, 1, 7), padding=(0, 3), groups=n).view(
        n, 1, h, w
    )


def _clutter(neighbours: Tensor, share: float, draw: _Draw) -> Tensor:
    """Give what a crop cut badly holds besides its digit: a piece of a neighbour, or a line."""
    import torch

    n, _, h, w = neighbours.shape
    # A neighbour is another picture of the batch, moved in from the left or the right.
    side = torch.where(draw.uniform(0, 1) < 0.5, -1.0, 1.0)
    reach = (side * draw.uniform(0.5, 0.8) * w).flatten().round().long()
    column = torch.arange(w, device=neighbours.device) - reach[:, None]
    inside = (column >= 0) & (column < w)
    neighbour = neighbours.gather(3, column.clamp(0, w - 1)[:, None, None, :].expand(n, 1, h, w))
    neighbour = neighbour * inside[:, None, None, :]
    # A line, as of a form's cell, runs along an edge, a little slanted and somewhat pale.
    y = torch.linspace(-1, 1, h, device=neighbours.device).view(1, 1, h, 1)
    x = torch.linspace(-1, 1, w, device=neighbours.device).view(1, 1, 1, w)
    upright = draw.share(0.5)
    along, across = torch.lerp(x, y, upright), torch.lerp(y, x, upright)
    place = torch.where(draw.uniform(0, 1) < 0.5, -1.0, 1.0) * draw.uniform(0.75, 1.05)
    distance = (across - place - along * draw.uniform(-0.1, 0.1)).abs() * h / 2
    line = (draw.uniform(0.6, 1.8) - distance).clamp(0, 1) * draw.uniform(0.4, 1)
    found = torch.where(draw.uniform(0, 1) < 0.5, neighbour, line)
    return found * draw.share(share)


def _broken(images: Tensor, share: float, draw: _Draw) -> Tensor:
    """Wipe a thin line of paper through the ink, at any place and angle."""
    import torch

    _, _, h, w = images.shape
    y = torch.arange(h, device=images.device).view(1, 1, h, 1) - h / 2
    x = torch.arange(w, device=images.device).view(1, 1, 1, w) - w / 2
    angle = draw.uniform(0, torch.pi)
    offset = draw.uniform(-0.25, 0.25) * h
    distance = (x * torch.cos(angle) + y * torch.sin(angle) - offset).abs()
    kept = (distance - draw.uniform(0.2, 1.0)).clamp(0, 1)
    return torch.where(draw.uniform(0, 1) < share, images * kept, images)
