"""Bundle ES modules into one, so that a page needs a single request for its first view.

On a slow network each request costs a round trip, and a browser makes six at a time. The modules
are those of `page/`, which keep to the forms of import and export below; anything else is an error
when the server starts.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

_IMPORT = re.compile(r'^import (?:(.*?) from )?"\./([\w-]+)\.js";$', re.MULTILINE | re.DOTALL)
_EXPORT = re.compile(
    r"^export (?:async function\*?|function\*?|class|const) ([\w$]+)", re.MULTILINE
)
_MODULE_WORDS = re.compile(r"^(?:import(?!\()|export)\b.*", re.MULTILINE)


def modules_of(scripts: Mapping[str, str], entry: str) -> list[str]:
    """Return a module's static imports in order of dependency, and the module itself last.

    Parameters
    ----------
    scripts : the text of each module by its name, which is without ".js".

    Raises
    ------
    ValueError : the imports are circular.
    """
    order: list[str] = []
    above: list[str] = []

    def visit(name: str) -> None:
        if name in order:
            return
        if name in above:
            raise ValueError(f"Modules import each other: {' -> '.join([*above, name])}.")
        above.append(name)
        for _, other in _IMPORT.findall(scripts[name]):
            visit(other)
        above.pop()
        order.append(name)

    visit(entry)
    return order


def bundle(scripts: Mapping[str, str], entry: str) -> dict[str, str]:
    """Replace a module by one that holds it and all that it imports.

    Returns
    -------
    scripts : all modules. Each module in the bundle is replaced by a stub that exports it from
        there, so that none runs twice.

    Raises
    ------
    ValueError : an import or export is of another form, or the imports are circular.
    """
    names = modules_of(scripts, entry)
    whole = "".join(
        f"export const {_id(name)} = {_as_function(name, scripts[name])};\n" for name in names
    )
    stubs = {name: _stub(name, scripts[name], entry) for name in names if name != entry}
    return {**scripts, **stubs, entry: whole}


def _id(name: str) -> str:
    return f"${name.replace('-', '_')}"


def _as_function(name: str, script: str) -> str:
    """Return a module as a function that is called at once and returns the exports."""
    exported = _EXPORT.findall(script)
    body = _IMPORT.sub(lambda m: _import(name, m[1], m[2]), script)
    body = _EXPORT.sub(lambda m: m[0].removeprefix("export "), body)
    if left := _MODULE_WORDS.search(body):
        raise ValueError(f"{name}.js can't be bundled for its line `{left[0]}`.")
    return f"(() => {{\n{body}return {{ {', '.join(exported)} }};\n}})()"


def _import(name: str, what: str, other: str) -> str:
    """Return the statement that imports from another module of the bundle."""
    if not what:
        return ""
    if found := re.fullmatch(r"\* as (\w+)", what):
        return f"const {found[1]} = {_id(other)};"
    if not re.fullmatch(r"\{[\w$\s,]*\}", what) and " as " not in what:
        raise ValueError(f"{name}.js can't be bundled for its import of `{what}`.")
    return f"const {what.replace(' as ', ': ')} = {_id(other)};"


def _stub(name: str, script: str, entry: str) -> str:
    exported = ", ".join(_EXPORT.findall(script))
    own = _id(name)
    return f'import {{ {own} }} from "./{entry}.js";\nexport const {{ {exported} }} = {own};\n'
