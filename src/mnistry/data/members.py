"""The members of MNIST's family, as their authors publish them."""

from __future__ import annotations

import hashlib
import string
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

KEYS = ("train_images", "train_labels", "test_images", "test_labels")
_SIDE = 28


@dataclass(frozen=True, slots=True)
class File:
    """A file as its authors publish it.

    `size` (bytes, None where it was never published), `md5` and `sha256` are of the published
    file; `raw_sha256` of its bytes without gzip. An empty checksum is not known.
    """

    name: str
    size: int | None = None
    md5: str = ""
    sha256: str = ""
    raw_sha256: str = ""

    def is_at(self, path: Path) -> bool:
        """Say whether `path` holds these very bytes, by size and checksum."""
        if self.size is not None and path.stat().st_size != self.size:
            return False
        with open(path, "rb") as stream:
            if self.sha256:
                return hashlib.file_digest(stream, "sha256").hexdigest() == self.sha256
            found = hashlib.file_digest(stream, lambda: hashlib.md5(usedforsecurity=False))
            return found.hexdigest() == self.md5


@dataclass(frozen=True, slots=True)
class Member:
    """A data set of the family.

    Attributes
    ----------
    files : the four files, by `KEYS`.
    mirrors : base addresses, best first; an address is a base and a file's name.
    counts : pictures in the training and the test file.
    classes : the classes' names; class i is labelled i + `label_offset` in the files.
    transposed : each picture in the files has its rows and columns swapped.
    label_columns : what each column of the label files is, where they have columns;
        column 0 is the label. Empty where a label is a single number.
    archive : the zip that holds `files` in its folder `gzip/`, where they come in one.
    """

    name: str
    title: str
    about: str
    homepage: str
    licence: str
    attribution: str
    files: Mapping[str, File]
    mirrors: tuple[str, ...]
    counts: tuple[int, int]
    classes: tuple[str, ...]
    transposed: bool = False
    label_offset: int = 0
    label_columns: tuple[str, ...] = ()
    archive: File | None = None

    def raw_size(self, key: str) -> int:
        """Give the bytes of the file `key` without gzip, which bound its gzipped bytes too."""
        count = self.counts[key.startswith("test")]
        if key.endswith("images"):
            return 16 + count * _SIDE * _SIDE
        return 12 + 4 * count * len(self.label_columns) if self.label_columns else 8 + count

    @property
    def download_size(self) -> int | None:
        """The bytes that fetching takes; None where a file's size was never published."""
        wanted = [self.archive] if self.archive else list(self.files.values())
        sizes = [file.size for file in wanted if file.size is not None]
        return sum(sizes) if len(sizes) == len(wanted) else None


def _four(names: tuple[str, ...], *facts: tuple[Any, ...]) -> dict[str, File]:
    """Four files, of each: size, MD5, SHA-256, SHA-256 of the raw bytes, as far as known."""
    return {k: File(n, *f) for k, n, f in zip(KEYS, names, facts, strict=True)}


def _emnist(
    split: str, counts: tuple[int, int], classes: str, about: str, label_offset: int = 0
) -> Member:
    return Member(
        name=f"emnist-{split}",
        title=f"EMNIST {split}",
        about=about,
        homepage="https://www.nist.gov/itl/products-and-services/emnist-dataset",
        licence="none stated",
        attribution="Cohen, Afshar, Tapson and van Schaik 2017, arXiv:1702.05373; from NIST SD 19",
        files={
            f"{part}_{kind}": File(f"emnist-{split}-{part}-{kind}-{form}.gz")
            for part in ("train", "test")
            for kind, form in (("images", "idx3-ubyte"), ("labels", "idx1-ubyte"))
        },
        # The second is the published address; of late it sends readers to a web page.
        mirrors=(
            "https://biometrics.nist.gov/cs_links/EMNIST/",
            "https://www.itl.nist.gov/iaui/vip/cs_links/EMNIST/",
        ),
        counts=counts,
        classes=tuple(classes),
        transposed=True,
        label_offset=label_offset,
        archive=File(
            "gzip.zip",
            561_753_746,
            "58c8d27c78d21e728a6bc7b3cc06412e",
            "fb9bb67e33772a9cc0b895e4ecf36d2cf35be8b709693c3564cea2a019fcda8e",
        ),
    )


_LECUN = (
    "train-images-idx3-ubyte.gz",
    "train-labels-idx1-ubyte.gz",
    "t10k-images-idx3-ubyte.gz",
    "t10k-labels-idx1-ubyte.gz",
)
_UPPER_AND_LOWER = string.digits + string.ascii_uppercase + string.ascii_lowercase
_MERGED = string.digits + string.ascii_uppercase + "abdefghnqrt"  # the others look like capitals

_MEMBERS = (
    Member(
        name="mnist",
        title="MNIST",
        about="handwritten digits",
        homepage="http://yann.lecun.com/exdb/mnist/",
        licence="CC BY-SA 3.0",
        attribution="Yann LeCun and Corinna Cortes; from NIST",
        files=_four(
            _LECUN,
            (
                9_912_422,
                "f68b3c2dcbeaaa9fbdd348bbdeb94873",
                "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
                "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
            ),
            (
                28_881,
                "d53e105ee54ea40749a09fcbcd1e9432",
                "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
                "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
            ),
            (
                1_648_877,
                "9fb629c4189551a2d022fa330f9573f3",
                "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
                "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
            ),
            (
                4_542,
                "ec29112dd5afa0611ce80d1b7f02629c",
                "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
                "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
            ),
        ),
        mirrors=(
            "https://ossci-datasets.s3.amazonaws.com/mnist/",
            "https://storage.googleapis.com/cvdf-datasets/mnist/",
        ),
        counts=(60_000, 10_000),
        classes=tuple(string.digits),
    ),
    Member(
        name="fashion",
        title="Fashion-MNIST",
        about="articles of clothing",
        homepage="https://github.com/zalandoresearch/fashion-mnist",
        licence="MIT",
        attribution="Xiao, Rasul and Vollgraf 2017, arXiv:1708.07747; © Zalando SE",
        files=_four(
            _LECUN,
            (
                26_421_880,
                "8d4fb7e6c68d591d4c3dfef9ec88bf0d",
                "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84",
            ),
            (
                29_515,
                "25c81989df183df01b3e8a0aad5dffbe",
                "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845",
            ),
            (
                4_422_102,
                "bef4ecab320f06d8554ea6380940ec79",
                "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073",
            ),
            (
                5_148,
                "bb300cfdad3c16e7a12a480ee83cd310",
                "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5",
            ),
        ),
        mirrors=(
            "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
            "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion/",
        ),
        counts=(60_000, 10_000),
        classes=(
            "T-shirt/top",
            "Trouser",
            "Pullover",
            "Dress",
            "Coat",
            "Sandal",
            "Shirt",
            "Sneaker",
            "Bag",
            "Ankle boot",
        ),
    ),
    Member(
        name="kmnist",
        title="Kuzushiji-MNIST",
        about="ten hiragana in cursive",
        homepage="http://codh.rois.ac.jp/kmnist/",
        licence="CC BY-SA 4.0",
        attribution="KMNIST Dataset (created by CODH), adapted from Kuzushiji Dataset (created by "
        "NIJL and others), doi:10.20676/00000341",
        files=_four(
            _LECUN,
            (
                18_165_135,
                "bdb82020997e1d708af4cf47b453dcf7",
                "51467d22d8cc72929e2a028a0428f2086b092bb31cfb79c69cc0a90ce135fde4",
            ),
            (
                29_497,
                "e144d726b3acfaa3e44228e80efcd344",
                "e38f9ebcd0f3ebcdec7fc8eabdcdaef93bb0df8ea12bee65224341c8183d8e17",
            ),
            (
                3_041_136,
                "5c965bf0a639b31b8f53240b1b52f4d7",
                "edd7a857845ad6bb1d0ba43fe7e794d164fe2dce499a1694695a792adfac43c5",
            ),
            (
                5_120,
                "7320c461ea6c1c855c0b718fb2a4b134",
                "20bb9a0ef54c7db3efc55a92eef5582c109615df22683c380526788f98e42a1c",
            ),
        ),
        mirrors=(
            "http://codh.rois.ac.jp/kmnist/dataset/kmnist/",
            "https://codh.rois.ac.jp/kmnist/dataset/kmnist/",
        ),
        counts=(60_000, 10_000),
        # o ki su tsu na ha ma ya re wo: in Latin letters, which every font can draw
        classes=("o", "ki", "su", "tsu", "na", "ha", "ma", "ya", "re", "wo"),
    ),
    _emnist("byclass", (697_932, 116_323), _UPPER_AND_LOWER, "digits, capitals, small letters"),
    _emnist("bymerge", (697_932, 116_323), _MERGED, "the same, look-alike letters merged"),
    _emnist("balanced", (112_800, 18_800), _MERGED, "as bymerge, as many of each class"),
    _emnist(
        "letters",
        (124_800, 20_800),
        string.ascii_uppercase,
        "letters, both cases in one class",
        label_offset=1,
    ),
    _emnist("digits", (240_000, 40_000), string.digits, "digits, as many of each"),
    _emnist("mnist", (60_000, 10_000), string.digits, "digits, as many as MNIST's"),
    Member(
        name="qmnist",
        title="QMNIST",
        about="MNIST with writers and 50,000 more to test",
        homepage="https://github.com/facebookresearch/qmnist",
        licence="BSD-3-Clause",
        attribution="Yadav and Bottou 2019, arXiv:1905.10498; © Facebook, Inc.",
        files=_four(
            (
                "qmnist-train-images-idx3-ubyte.gz",
                "qmnist-train-labels-idx2-int.gz",
                "qmnist-test-images-idx3-ubyte.gz",
                "qmnist-test-labels-idx2-int.gz",
            ),
            (None, "ed72d4157d28c017586c42bc6afe6370"),
            (
                463_024,
                "0058f8dd561b90ffdd0f734c6a30e5e4",
                "2c05dc77f6b916b38e455e97ab129a42a444f3dbef09b278a366f82904e0dd9f",
                "bb1b6e1ec7b04fd5696f1ed50b5f58f8ef195118edd5c93c81783df9740b8ac5",
            ),
            (None, "1394631089c404de565df7b7aeaf9412"),
            (
                526_800,
                "5b5b05890a5e13444e108efe57b788aa",
                "9fbcbe594c3766fdf4f0b15c5165dc0d1e57ac604e01422608bb72c906030d06",
                "92d0ccb8c25f9c6534270fb4be7e1d24a1c6d315edfc8a638bfbd31c70f362dd",
            ),
        ),
        mirrors=("https://raw.githubusercontent.com/facebookresearch/qmnist/master/",),
        counts=(60_000, 60_000),
        classes=tuple(string.digits),
        label_columns=(
            "label",
            "NIST series (hsf)",
            "writer",
            "index among the writer's digits",
            "NIST class code",
            "index in NIST SD 19",
            "duplicate of",
            "unused",
        ),
    ),
)

FAMILY: dict[str, Member] = {member.name: member for member in _MEMBERS}
"""Every member by its name, MNIST first."""
