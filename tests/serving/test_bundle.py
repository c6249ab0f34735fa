"""Bundled modules behave as the separate ones."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from mnistry.serving.bundle import bundle, modules_of

SCRIPTS = {
    "main": 'import { one, two as second } from "./numbers.js";\n'
    'import * as names from "./names.js";\nimport "./effect.js";\n'
    "console.log(one + second(), names.Name.of(), globalThis.times);\n"
    'const late = await import("./late.js");\nconsole.log(late.three(), globalThis.times);\n',
    "numbers": "export const one = 1;\nconst hidden = 2;\nexport function two() {\n"
    "  return hidden;\n}\n",
    "names": 'import { two } from "./numbers.js";\nconst hidden = "name";\nexport class Name {\n'
    "  static of() {\n    return hidden + two();\n  }\n}\n",
    "effect": "globalThis.times = (globalThis.times ?? 0) + 1;\n",
    "late": 'import {\n  one,\n  two,\n} from "./numbers.js";\nimport "./effect.js";\n'
    "export const three = () => one + two();\n",
}


def run(scripts: dict[str, str], folder: Path) -> str:
    folder.mkdir()
    for name, script in scripts.items():
        (folder / f"{name}.js").write_text(script, "utf-8")
    (folder / "package.json").write_text('{"type": "module"}', "utf-8")
    done = subprocess.run(
        ["node", "main.js"], cwd=folder, check=True, timeout=60, capture_output=True, text=True
    )
    return done.stdout


def test_a_bundle_does_what_its_modules_do(tmp_path: Path) -> None:
    """A bundle gives the same results, also with a later import of its modules; each runs once."""
    if shutil.which("node") is None:
        assert not os.environ.get("MNISTRY_REQUIRE_NODE"), "node is not installed"
        pytest.skip("node is not installed")
    # A function can't wait, so that what is imported later is not awaited at the top.
    scripts = {
        **SCRIPTS,
        "main": SCRIPTS["main"].replace(
            'const late = await import("./late.js");\nconsole.log(late.three(), globalThis.times);',
            'import("./late.js").then((late) => console.log(late.three(), globalThis.times));',
        ),
    }
    assert run(scripts, tmp_path / "apart") == "3 name2 1\n3 1\n"
    assert run(bundle(scripts, "main"), tmp_path / "together") == "3 name2 1\n3 1\n"


def test_modules_come_after_those_that_they_need() -> None:
    """Modules follow their dependencies, and dynamic imports are left out."""
    assert modules_of(SCRIPTS, "main") == ["numbers", "names", "effect", "main"]


def test_a_circle_is_an_error() -> None:
    """Circular imports raise a ValueError."""
    scripts = {"a": 'import { b } from "./b.js";\n', "b": 'import { a } from "./a.js";\n'}
    with pytest.raises(ValueError, match="a -> b -> a"):
        bundle(scripts, "a")


@pytest.mark.parametrize(
    "line",
    [
        'import fs from "node:fs";', "export default 1;", "export { a };", "export let a = 1;",
        'import one, { two } from "./b.js";',
    ],
)  # fmt: skip
def test_what_cannot_be_bundled_is_an_error(line: str) -> None:
    """The error for other forms of import and export quotes the line."""
    with pytest.raises(ValueError, match=r"a\.js can't be bundled"):
        bundle({"a": f"{line}\n", "b": ""}, "a")
