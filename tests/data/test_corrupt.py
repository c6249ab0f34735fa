"""Each family of corruption does what its name says, to each picture in its own way."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import pytest

from mnistry.data.corrupt import FAMILIES, corrupt
from mnistry.errors import InputError
from mnistry.models.file import shipped_model

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from mnistry.data.dataset import DataSet, DataSets

    Images: TypeAlias = NDArray[np.uint8]

every_family = pytest.mark.parametrize("family", FAMILIES)


@pytest.fixture(scope="module")
def digits(little: DataSet) -> Images:
    return little.images[:200]


@pytest.fixture(scope="module")
def blank() -> Images:
    return np.zeros((50, 28, 28), np.uint8)


@pytest.fixture(scope="module")
def box() -> Images:
    """Fifty times the same: a filled box with much paper around it."""
    images = np.zeros((50, 28, 28), np.uint8)
    images[:, 10:18, 9:17] = 200
    return images


def mass(images: Images) -> NDArray[np.float64]:
    return np.asarray(images.sum(axis=(1, 2), dtype=np.float64))


def centroid(images: Images) -> NDArray[np.float64]:
    """The ink's centre (y, x), (n, 2)."""
    places = np.indices(images.shape[1:]).reshape(2, -1).T
    flat = images.reshape(len(images), -1)
    return np.asarray(flat @ places / mass(images)[:, None])


def spread(images: Images) -> NDArray[np.float64]:
    """The ink's covariance in pixels², (n, 2, 2)."""
    places = np.indices(images.shape[1:]).reshape(2, -1).T - centroid(images)[:, None]
    weights = images.reshape(len(images), -1, 1) / mass(images)[:, None, None]
    return np.asarray(np.swapaxes(weights * places, 1, 2) @ places)


def orientation(images: Images) -> NDArray[np.float64]:
    """The angle of the ink's longest axis in degrees, (n,)."""
    cov = spread(images)
    return np.degrees(np.arctan2(2 * cov[:, 0, 1], cov[:, 1, 1] - cov[:, 0, 0]) / 2)


# --- what holds for all of them


def test_fifteen_families() -> None:
    """There are fifteen, named as the folders of the published set are."""
    assert (
        *("shot_noise", "impulse_noise", "glass_blur", "motion_blur", "shear", "scale", "rotate"),
        *("brightness", "translate", "stripe", "fog", "spatter", "dotted_line", "zigzag"),
        "canny_edges",
    ) == FAMILIES


@every_family
def test_pictures_stay_pictures(family: str, digits: Images) -> None:
    """Shape and type stay; nearly every picture changes; the input, even read-only, does not."""
    given = digits.copy()
    given.setflags(write=False)
    changed = corrupt(given, family)
    assert changed.shape == digits.shape
    assert changed.dtype == np.uint8
    assert changed.flags.writeable
    np.testing.assert_array_equal(given, digits)
    assert (changed != digits).any(axis=(1, 2)).mean() > 0.97


@pytest.mark.slow
@every_family
def test_seed_decides(family: str, digits: Images) -> None:
    """The same seed gives the same pictures and another one others, where there is chance."""
    np.testing.assert_array_equal(corrupt(digits, family, 3), corrupt(digits, family, 3))
    differ = (corrupt(digits, family) != corrupt(digits, family, 1)).any(axis=(1, 2))
    assert differ.mean() > 0.9 if family != "canny_edges" else not differ.any()


@pytest.mark.slow
@every_family
def test_picture_does_not_depend_on_others(family: str, mnist: DataSets) -> None:
    """Neither how many pictures there are nor what they show matters to one of them."""
    images = mnist.test.images[:700]  # more than are worked on at once
    changed = corrupt(images, family)
    for n in (0, 1, 5, 600):
        np.testing.assert_array_equal(corrupt(images[:n], family), changed[:n])
    others = images[::-1].copy()
    others[[4, 650]] = images[[4, 650]]
    np.testing.assert_array_equal(corrupt(others, family)[[4, 650]], changed[[4, 650]])


@every_family
def test_each_picture_in_its_own_way(family: str, digits: Images) -> None:
    """The same digit twice in a row comes out in two ways, where there is chance."""
    same = corrupt(np.repeat(digits[:1], 20, axis=0), family)
    assert len(np.unique(same, axis=0)) >= (15 if family != "canny_edges" else 1)


@pytest.mark.slow
@every_family
@pytest.mark.parametrize("shape", [(3, 8, 8), (3, 9, 40), (2, 64, 33)])
def test_other_shapes(family: str, shape: tuple[int, int, int]) -> None:
    """Small, large and oblong pictures are corrupted too, wherever their bytes lie."""
    images = np.zeros(shape, np.uint8)
    images[:, 2:-2, shape[2] // 2] = 255
    changed = corrupt(images, family)
    assert changed.shape == shape
    assert (changed != images).any()
    elsewhere = np.zeros((shape[2], shape[1], 2 * shape[0]), np.uint8).T[::2]
    elsewhere[:] = images
    np.testing.assert_array_equal(corrupt(elsewhere, family), changed)


@every_family
@pytest.mark.parametrize("shade", [0, 255])
def test_even_pictures(family: str, shade: int) -> None:
    """All paper and all ink divide nothing by zero and stay in range."""
    changed = corrupt(np.full((3, 28, 28), shade, np.uint8), family)
    assert changed.shape == (3, 28, 28)


BEND = ("glass_blur", "motion_blur", "shear", "scale", "rotate", "translate")


@pytest.mark.parametrize("family", ["shot_noise", *BEND, "canny_edges"])
def test_paper_stays_paper(family: str, blank: Images) -> None:
    """What changes the ink alone makes none."""
    assert not corrupt(blank, family).any()


# --- noise and blur


@pytest.mark.parametrize("level", [20, 100, 255])
def test_shot_noise_counts_photons(level: int) -> None:
    """Counts have Poisson's mean and variance, up to what full white cuts off."""
    rate = 3 * level / 255
    changed = corrupt(np.full((100, 28, 28), level, np.uint8), "shot_noise").astype(float)
    photons = np.rint(3 * changed / 255)
    assert set(np.unique(photons)) == {0, 1, 2, 3}
    p = np.exp(-rate) * np.array([1, rate, rate**2 / 2])
    expected = [*p, 1 - p.sum()]
    found = np.bincount(photons.astype(int).ravel(), minlength=4) / photons.size
    np.testing.assert_allclose(found, expected, atol=0.008)


def test_impulse_noise_turns_a_sixth(digits: Images) -> None:
    """A sixth of the pixels become paper or ink, half and half; the rest stay as they were."""
    grey = np.full((100, 28, 28), 90, np.uint8)
    changed = corrupt(grey, "impulse_noise")
    assert set(np.unique(changed)) == {0, 90, 255}
    assert (changed == 0).mean() == pytest.approx(0.085, abs=0.005)
    assert (changed == 255).mean() == pytest.approx(0.085, abs=0.005)
    noisy = corrupt(digits, "impulse_noise")
    assert np.isin(noisy[noisy != digits], (0, 255)).all()


def test_glass_blur_shuffles_nearby(box: Images) -> None:
    """The ink is all kept, moves by few pixels, and its edges become ragged."""
    changed = corrupt(box, "glass_blur")
    np.testing.assert_allclose(mass(changed), mass(box), rtol=0.02)
    far = np.ones((28, 28), bool)
    far[4:24, 3:23] = False
    assert not changed[:, far].any()
    assert changed[:, 13:15, 12:14].mean() > 180
    assert changed[:, 10].std(axis=0).max() > 10


def test_motion_blur_draws_out(box: Images) -> None:
    """The ink is kept and is drawn out along one line, of which each picture has its own."""
    changed = corrupt(box, "motion_blur")
    np.testing.assert_allclose(mass(changed), mass(box), rtol=0.03)
    # Along its line the box gets wider by the trail's own spread, across it hardly at all.
    before, after = np.linalg.eigvalsh(spread(box)), np.linalg.eigvalsh(spread(changed))
    assert (after[:, 1] > before[:, 1] + 1.5).all()
    np.testing.assert_allclose(after[:, 0], before[:, 0], atol=0.5)
    assert orientation(changed).std() > 30


# --- shape and place


def test_shear_slants(box: Images) -> None:
    """Rows are moved, in proportion to their height, to the left in some pictures."""
    changed = corrupt(box, "shear")
    np.testing.assert_allclose(mass(changed), mass(box), rtol=0.02)
    cov = spread(changed)
    lean = cov[:, 0, 1] / cov[:, 0, 0]
    assert ((abs(lean) > 0.25) & (abs(lean) < 0.55)).all()
    assert 10 < (lean < 0).sum() < 40
    np.testing.assert_allclose(changed.sum(axis=2), box.sum(axis=2), rtol=0.02)


def test_scale_makes_smaller(box: Images, digits: Images) -> None:
    """Both sides shrink alike, to 0.6 to 0.75 of what they were, about the picture's middle."""
    changed = corrupt(box, "scale")
    size = np.sqrt(np.diagonal(spread(changed), axis1=1, axis2=2) / spread(box)[0, 0, 0])
    assert size.min() > 0.55
    assert size.max() < 0.8
    np.testing.assert_allclose(size[:, 0], size[:, 1], atol=0.06)
    middle = (centroid(box) - 13.5) * size.mean(axis=1, keepdims=True) + 13.5
    np.testing.assert_allclose(centroid(changed), middle, atol=0.25)
    assert (mass(corrupt(digits, "scale")) < mass(digits)).all()


def test_rotate_turns(box: Images, digits: Images) -> None:
    """A bar lies at 20 to 35 degrees afterwards, to either side; the ink is kept."""
    bar = np.zeros_like(box)
    bar[:, 13:15, 6:22] = 255
    angle = orientation(corrupt(bar, "rotate"))
    assert abs(angle).min() > 19
    assert abs(angle).max() < 36
    assert 10 < (angle < 0).sum() < 40
    np.testing.assert_allclose(mass(corrupt(digits, "rotate")), mass(digits), rtol=0.06)


def test_translate_moves_whole_pixels(box: Images, digits: Images) -> None:
    """A box moves as it is, by 2 to 5 pixels both ways; digits lose next to none of their ink."""
    changed = corrupt(box, "translate")
    moved = centroid(changed) - centroid(box)
    steps = np.rint(moved)
    np.testing.assert_allclose(moved, steps, atol=1e-9)
    assert set(np.unique(abs(steps))) == {2, 3, 4, 5}
    for image, back, whole in zip(changed, -steps.astype(int), box, strict=True):
        np.testing.assert_array_equal(np.roll(image, tuple(back), (0, 1)), whole)
    assert 0.97 < mass(corrupt(digits, "translate")).sum() / mass(digits).sum() <= 1
    # What goes over an edge does not come back at the other one.
    edge = np.zeros_like(box)
    edge[:, 0] = 255
    assert not corrupt(edge, "translate")[:, 6:].any()


# --- light, and things in the way


def test_brightness_raises_all_shades_alike(digits: Images) -> None:
    """Paper becomes one grey of the middle, and whatever is lighter than white is white."""
    changed = corrupt(digits, "brightness").astype(int)
    paper = changed.min(axis=(1, 2), keepdims=True)
    assert paper.min() >= 0.4 * 255 - 1
    assert paper.max() <= 0.6 * 255 + 1
    np.testing.assert_array_equal(changed, np.minimum(digits + paper, 255))


def test_stripe_inverts_upright(digits: Images) -> None:
    """Each column is as it was or inverted; those inverted lie together near the middle."""
    changed = corrupt(digits, "stripe")
    inverted = (changed == 255 - digits).all(axis=1)
    assert (inverted ^ (changed == digits).all(axis=1)).all()
    assert (np.diff(inverted, axis=1).sum(axis=1) == 2).all()
    widths = inverted.sum(axis=1)
    assert set(widths) <= {3, 4, 5, 6, 7}
    assert not inverted[:, [*range(7), *range(21, 28)]].any()
    assert mass(changed).mean() > mass(digits).mean()


def test_fog_veils(digits: Images, blank: Images) -> None:
    """Clouds lie on the paper, smooth and uneven; the digit adds a third of itself to them."""
    clouds = corrupt(blank, "fog").astype(int)
    assert (clouds.min(axis=(1, 2)) == 0).all()
    assert (clouds.max(axis=(1, 2)) == 170).all()
    assert clouds.mean() > 50
    assert abs(np.diff(clouds, axis=2)).mean() < 12
    veiled = corrupt(digits[:50], "fog").astype(int)
    np.testing.assert_allclose(veiled - clouds, digits[:50] / 3, atol=1)


def test_spatter_covers(digits: Images, blank: Images) -> None:
    """Spots of dark grey cover a part of the paper and of the ink; the rest stays as it was."""
    spots = corrupt(blank, "spatter")
    assert 0.03 < (spots > 0).mean() < 0.35
    assert spots.max() <= 0.3 * 255 + 1
    changed = corrupt(digits[:50], "spatter")
    # A spot's edge may be so pale that it is seen on ink alone.
    np.testing.assert_allclose(changed[spots == 0], digits[:50][spots == 0], atol=2)
    ink = digits[:50] > 200
    assert 0.03 < (changed[ink] < 100).mean() < 0.3


@pytest.mark.parametrize(("family", "least", "most"), [("dotted_line", 6, 60), ("zigzag", 20, 110)])
def test_lines_add_ink(family: str, least: int, most: int, digits: Images, blank: Images) -> None:
    """A line is drawn over the digit: it takes no ink away and hides little of the paper."""
    line = corrupt(blank, family)
    drawn = (line > 127).sum(axis=(1, 2))
    assert drawn.min() >= least
    assert drawn.max() <= most
    np.testing.assert_array_equal(corrupt(digits[:50], family), np.maximum(digits[:50], line))
    # Lines lie in all directions.
    assert orientation(line).std() > 30


def test_dotted_line_is_straight_and_in_pieces(blank: Images) -> None:
    """The dots keep to a line, and nearly all lie apart from each other."""
    import cv2

    lines = corrupt(blank, "dotted_line")
    across = np.linalg.eigvalsh(spread(lines))[:, 0]
    assert across.max() < 0.8
    pieces = [cv2.connectedComponents((line > 127).astype(np.uint8))[0] - 1 for line in lines]
    assert min(pieces) >= 3
    assert np.mean(pieces) > 5


def test_zigzag_is_one_piece_that_turns(blank: Images) -> None:
    """The line hangs together, and leaves the straight one by about a pixel or more."""
    import cv2

    lines = corrupt(blank, "zigzag")
    across = np.linalg.eigvalsh(spread(lines))[:, 0]
    assert across.min() > 0.4
    pieces = [cv2.connectedComponents((line > 100).astype(np.uint8))[0] - 1 for line in lines]
    assert np.mean(np.array(pieces) == 1) > 0.9


def test_canny_edges_outline(box: Images, digits: Images) -> None:
    """Two shades are left; a box becomes its thin outline, hollow inside."""
    changed = corrupt(digits, "canny_edges")
    assert set(np.unique(changed)) == {0, 255}
    assert (changed > 0).any(axis=(1, 2)).all()
    outline = corrupt(box[:1], "canny_edges")[0] > 0
    assert not outline[12:16, 11:15].any()
    assert not outline[:8].any()
    assert 20 <= outline.sum() <= 36


# --- models, and what can't be used


@pytest.fixture(scope="module")
def softmax() -> Any:
    return shipped_model("softmax")


@pytest.mark.slow
@every_family
def test_softmax_still_reads_something(family: str, softmax: Any, mnist: DataSets) -> None:
    """Softmax regression does worse than on MNIST itself, and better than chance."""
    test = mnist.test.take(slice(2000))
    clean = (softmax.predict(test.images) == test.labels).mean()
    right = (softmax.predict(corrupt(test.images, family)) == test.labels).mean()
    assert 0.105 < right < clean - 0.02


def test_unknown_family_is_refused(digits: Images) -> None:
    """The message names all fifteen and what was given."""
    with pytest.raises(InputError) as caught:
        corrupt(digits, "snow")
    assert str(caught.value) == f"`family` must be one of {', '.join(FAMILIES)}; got 'snow'."


@pytest.mark.parametrize(
    ("images", "found"),
    [
        (np.zeros((2, 28, 28), np.float32), r"got float32 of shape \(2, 28, 28\)"),
        (np.zeros((28, 28), np.uint8), r"got uint8 of shape \(28, 28\)"),
        (np.zeros((2, 7, 28), np.uint8), r"got uint8 of shape \(2, 7, 28\)"),
        (np.zeros((2, 28, 28, 1), np.uint8), r"got uint8 of shape \(2, 28, 28, 1\)"),
    ],
)
def test_other_images_are_refused(images: Any, found: str) -> None:
    """Another type, rank or too small a side is one sentence, and the cure one more."""
    with pytest.raises(InputError, match=rf"must be uint8 of shape \(n, h, w\).*{found}\. Pixels"):
        corrupt(images, "fog")


def test_negative_seed_is_refused(digits: Images) -> None:
    """A seed below zero is one sentence."""
    with pytest.raises(InputError, match="`seed` must be 0 or more; got -1"):
        corrupt(digits, "fog", -1)
