"""The documentation is true: its blocks run, print what it says, and draw the figures it shows.

Every block of a page is run in order, in one Python namespace and one temporary folder:
``python``; ``js`` by Node; ``bash``, and the lines of ``console`` that begin with ``$``. What a
block is said to print is compared with what it prints: the comment behind ``print(…)`` or
``console.log(…)`` (of all in the block, or of none), the other lines of ``console``. A comment may
say ``about 0.9`` (within 5%) or ``0.91 to 0.92``; the numbers of ``console`` are all taken as
"about". ``<!-- ci: reason -->`` before a block leaves it out; other languages are not run.
"""

from __future__ import annotations

import ast
import contextlib
import io
import math
import os
import re
import shutil
import subprocess
import sys
import tokenize
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
from PIL import Image

import mnistry
from mnistry import save_model
from mnistry.cores import one_thread
from mnistry.data.dataset import DataSets
from mnistry.models.file import shipped_model

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
SOURCE = ROOT / "src" / "mnistry"
PACKAGE = Path(mnistry.__file__).parent
PAGES = [ROOT / "README.md", *sorted(DOCS.glob("*.md"))]
TRANSLATION = DOCS / "tutorial.zh-CN.md"  # its code is the original's, which a test holds
RUN = ("python", "bash", "console", "js")
NODE_MODULES = Path(os.environ.get("MNISTRY_NODE_MODULES", ROOT / "node_modules"))


class Block(NamedTuple):
    line: int  # of its first line of code, from 1
    language: str
    code: str
    left_out: bool


def blocks(text: str) -> list[Block]:
    """Find a page's code blocks, in order."""
    found = []
    fence = r"^(<!-- ci: .+? -->\n+)?```(\w*)\n(.*?)^```$"
    for match in re.finditer(fence, text, re.MULTILINE | re.DOTALL):
        line = text.count("\n", 0, match.start(3)) + 1
        found.append(Block(line, match[2], match[3], match[1] is not None))
    return found


def to_run(page: Path) -> list[Block]:
    found = blocks(page.read_text("utf-8"))
    return [block for block in found if block.language in RUN and not block.left_out]


# What a block is said to print


def expected(block: Block) -> list[str]:
    """Give the lines that a block is said to print."""
    if block.language == "python":
        lines = block.code.splitlines()
        tokens = list(tokenize.generate_tokens(io.StringIO(block.code).readline))
        comments = [token for token in tokens if token.type == tokenize.COMMENT]
        return [t.string[1:] for t in comments if lines[t.start[0] - 1].startswith("print(")]
    return re.findall(r"^console\.log\(.*?// *(.*)$", block.code, re.MULTILINE)


def is_as_said(said: str, printed: str, about: float = 0.0) -> bool:
    """Compare a line with what is said of it: the text, and each number as far as it is given."""
    number = r"-?\d[\d,]*(?:\.\d*)?(?:e[+-]?\d+)?"
    said, printed = " ".join(said.split()), " ".join(printed.split())
    if between := re.fullmatch(rf"({number}) (?:to|到) ({number})", said):
        return float(between[1]) <= float(printed) <= float(between[2])
    exact = said
    if match := re.match(r"(?:about|约) ", said):
        exact, about = said[match.end() :], 0.05
    if re.split(number, exact) != re.split(number, printed):
        return False
    ours, theirs = (
        [float(text.replace(",", "")) for text in re.findall(number, line)]
        for line in (exact, printed)
    )
    return all(math.isclose(a, b, rel_tol=about) for a, b in zip(ours, theirs, strict=True))


def check_lines(said: list[str], printed: str, where: str) -> None:
    lines = printed.splitlines()
    if not said:
        return
    assert len(said) == len(lines), f"{where}: said {said}, printed {lines}"
    for one, other in zip(said, lines, strict=True):
        assert is_as_said(one, other), f"{where}: said {one!r}, printed {other!r}"


# How blocks are run


def run_python(block: Block, page: str, namespace: dict[str, Any]) -> None:
    code = compile("\n" * (block.line - 1) + block.code, page, "exec")
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(code, namespace)  # noqa: S102 - the page's own code is what is tested
    check_lines(expected(block), printed.getvalue(), f"{page}:{block.line}")


def run_shell(code: str, where: str) -> str:
    done = subprocess.run(["bash", "-euo", "pipefail", "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, f"{where}: exit code {done.returncode}\n{done.stderr}"
    return done.stdout


def run_console(block: Block, where: str) -> None:
    """Run each command; the lines shown below it must be among those printed, in their order."""
    for command in re.split(r"^\$ ", block.code, flags=re.MULTILINE)[1:]:
        code, *said = re.sub(r"\\\n *", "", command).splitlines()
        printed = iter(run_shell(code, where).splitlines())
        for line in said:
            if line.strip() not in ("", "…"):
                found = any(is_as_said(line, other, about=0.05) for other in printed)
                assert found, f"{where}: `{code}` does not print {line!r}"


def why_no_js() -> str | None:
    """Say what is missing for js blocks, if anything is."""
    if shutil.which("node") is None:
        return "node is not installed"
    if not (NODE_MODULES / "onnxruntime-web").is_dir():
        install = "npm install --ignore-scripts --no-save --prefix . onnxruntime-web"
        return f"{NODE_MODULES} lacks onnxruntime-web; in the repository: {install}"
    return None


def run_js(block: Block, where: str) -> None:
    if not Path("node_modules").exists():
        Path("node_modules").symlink_to(NODE_MODULES.resolve())
    Path("block.mjs").write_text(block.code, "utf-8")
    check_lines(expected(block), run_shell("node block.mjs", where), where)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty folder to be in, with this environment's `mnistry` first on the path."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("MNISTRY_HOME", str(tmp_path / "home"))
    # Threads of BLAS wait long for each other where other processes are busy.
    monkeypatch.setenv("OPENBLAS_NUM_THREADS", "1")
    with one_thread():
        yield tmp_path


def run_page(page: Path) -> None:
    """Run a page's blocks in order; skip, once all others have run, if those in js could not."""
    namespace: dict[str, Any] = {"__name__": "__main__"}
    missing = why_no_js()
    skipped = False
    for block in to_run(page):
        where = f"{page.name}:{block.line}"
        if block.language == "python":
            run_python(block, page.name, namespace)
        elif block.language == "bash":
            run_shell(block.code, where)
        elif block.language == "console":
            run_console(block, where)
        elif missing is None:
            run_js(block, where)
        else:
            skipped = True
    for figure in re.findall(r"\]\(figures/([\w.-]+)\)", page.read_text("utf-8")):
        check_figure(Path(figure), DOCS / "figures" / figure)
    if skipped:
        assert not os.environ.get("MNISTRY_REQUIRE_NODE"), missing
        pytest.skip(f"all blocks ran but those in js: {missing}")


def check_figure(made: Path, kept: Path) -> None:
    """The figure that a page has made looks like the one it shows.

    Seen from afar: letters and the last bits of trained weights differ from one version of a
    library to another, which is no reason to draw all figures again.
    """
    ours, theirs = Image.open(made).convert("RGB"), Image.open(kept).convert("RGB")
    assert ours.size == theirs.size, f"{made} has {ours.size} pixels, docs show {theirs.size}"
    small = (ours.width // 8, ours.height // 8)
    a, b = (
        np.asarray(image.resize(small, Image.Resampling.BOX), float) for image in (ours, theirs)
    )
    assert np.abs(a - b).mean() < 0.5, f"{made} is not what docs/figures shows; make it again"


# The tests


@pytest.mark.parametrize(
    "page", [page for page in PAGES if page != TRANSLATION and to_run(page)], ids=lambda p: p.name
)
@pytest.mark.usefixtures("folder")
def test_page_runs(page: Path) -> None:
    """Every block runs in order, prints what the page says, and draws what the page shows."""
    run_page(page)


@pytest.mark.parametrize(("kind", "near"), [("softmax", 1e-6), ("convnet", 1e-5)])
def test_javascript_gives_the_same_probabilities(
    kind: str, near: float, folder: Path, mnist: DataSets
) -> None:
    """ONNX Runtime for the web gives our digits, and probabilities within 1e-6 or 1e-5."""
    if missing := why_no_js():
        assert not os.environ.get("MNISTRY_REQUIRE_NODE"), missing
        pytest.skip(missing)
    model, images = shipped_model(kind), mnist.test.images[:2000]
    save_model(model, folder / "model.onnx")
    images.tofile("images")
    code = """
    import { readFileSync, writeFileSync } from "node:fs";
    import * as ort from "onnxruntime-web";
    const session = await ort.InferenceSession.create("model.onnx");
    const images = new ort.Tensor("uint8", new Uint8Array(readFileSync("images")), [2000, 28, 28]);
    writeFileSync("probabilities", (await session.run({ images })).probabilities.data);
    """
    run_js(Block(0, "js", code, left_out=False), "test")
    found = np.fromfile("probabilities", np.float32).reshape(2000, 10)
    np.testing.assert_allclose(found, model.predict_proba(images), rtol=0, atol=near)
    assert (found.argmax(axis=1) == model.predict(images)).all()


@pytest.mark.parametrize(
    ("said", "printed", "true"),
    [
        ("(55000, 784) float32", "(55000, 784) float32", True),
        ("(55000, 784) float32", "(55000, 785) float32", False),
        ("10,000 pictures", "10000 pictures", True),
        ("0.9187", "0.9186", False),
        ("about 0.92", "0.9187", True),
        ("约 0.92", "0.9187", True),
        ("about 0.92", "0.85", False),
        ("0.91 to 0.92", "0.9187", True),
        ("0.91 到 0.92", "0.9187", True),
        ("0.91 to 0.92", "0.9201", False),
        ("accuracy 1", "error 1", False),
    ],
)
def test_output_is_compared_with_what_is_said(said: str, printed: str, true: bool) -> None:
    """Text must be the same, and numbers as near as the comment says."""
    assert is_as_said(said, printed) is true


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("```python\nprint(1 + 1)  # 3\n```\n", "said ' 3', printed '2'"),
        ("```python\nprint(1)  # 1\nprint(2)\n```\n", "said .*, printed"),
        ("```bash\nfalse\ntrue\n```\n", "exit code 1"),
        ("```console\n$ echo one\ntwo\n```\n", "does not print 'two'"),
        ("```python\nx = 1\n```\n\n```python\nassert x == 2, f'x is {x}'\n```\n", "x is 1"),
    ],
)
def test_untrue_page_fails(folder: Path, text: str, complaint: str) -> None:
    """A block that fails, or prints other than what is said, fails the page."""
    page = folder / "page.md"
    page.write_text(text, "utf-8")
    with pytest.raises(AssertionError, match=complaint):
        run_page(page)


def test_marked_block_is_left_out(folder: Path) -> None:
    """A block behind a ci comment is not run, and neither is one in another language."""
    page = folder / "page.md"
    page.write_text("<!-- ci: no -->\n```bash\nfalse\n```\n\n```text\nfalse\n```\n", "utf-8")
    assert to_run(page) == []


def test_translation_has_the_same_code() -> None:
    """The Chinese tutorial's blocks are the English one's, but for words in comments."""
    english, chinese = (
        blocks(page.read_text("utf-8")) for page in (DOCS / "tutorial.md", TRANSLATION)
    )
    assert len(english) == len(chinese)
    for ours, theirs in zip(english, chinese, strict=True):
        assert ours.language == theirs.language
        if ours.language == "python":
            assert ast.dump(ast.parse(ours.code)) == ast.dump(ast.parse(theirs.code))
            said = [
                [line.replace("到", "to").replace("约", "about") for line in expected(block)]
                for block in (ours, theirs)
            ]
            assert said[0] == said[1]
        else:
            assert ours.code == theirs.code


def headings(page: Path) -> set[str]:
    """Give the anchors of a page's headings, as GitHub makes them."""
    text = re.sub(r"^```.*?^```$", "", page.read_text("utf-8"), flags=re.MULTILINE | re.DOTALL)
    titles = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.name)
def test_links_lead_somewhere(page: Path) -> None:
    """Every relative link of a page names a file that is there, and a heading in it."""
    text = page.read_text("utf-8")
    for target in re.findall(r"\]\(([^)\s]+)\)|(?:src|href)=\"([^\"]+)\"", text):
        link = target[0] or target[1]
        if re.match(r"\w+:", link):
            continue
        path, _, anchor = link.partition("#")
        to = (page.parent / path).resolve() if path else page
        if to.is_relative_to(SOURCE):  # the tests run without it against the built wheel
            to = PACKAGE / to.relative_to(SOURCE)
        assert to.exists(), f"{page.name} links to {link}, which is not there"
        assert not anchor or anchor in headings(to), f"{page.name} links to {link}: no such heading"


def test_index_names_every_page() -> None:
    """The index of the documentation links to every page, and every figure is shown somewhere."""
    index = (DOCS / "README.md").read_text("utf-8")
    for page in DOCS.glob("*.md"):
        assert page.name == "README.md" or f"({page.name})" in index
    shown = "".join(page.read_text("utf-8") for page in PAGES)
    for figure in (DOCS / "figures").iterdir():
        assert f"figures/{figure.name}" in shown
