"""The page's files, compressed once, under addresses that change with their content."""

from __future__ import annotations

import gzip
import hashlib
import html
import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from starlette.exceptions import HTTPException
from starlette.responses import Response

from mnistry.serving.bundle import bundle

if TYPE_CHECKING:
    from starlette.requests import Request

PAGE = Path(__file__).with_name("page")
_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".svg": "image/svg+xml",
}
_LANGUAGES = ("en", "zh")
# An entry of the word list, `key: ["English", "中文"],`, and the elements that get its text.
_STRING = r'("(?:[^"\\]|\\.)*")'
_ENTRY = re.compile(rf'^  "?([\w.-]+)"?: \[\s*{_STRING},\s*{_STRING},?\s*\]', re.MULTILINE)
_COMMENT = re.compile(r"^[ \t]*(?:/\*.*?\*/|//[^\n]*)[ \t]*\n", re.MULTILINE | re.DOTALL)
_TEXT = re.compile(r'<[^<>]* data-t="([^"]+)"[^<>]*>(?=</)')
_LABEL = re.compile(r'data-t-label="([^"]+)"')
_SMALLEST = 256  # bytes; compressing fewer saves nothing
_CHECK_EACH_TIME = "no-cache"
_FOREVER = "public, max-age=31536000, immutable"


@dataclass(frozen=True)
class Packed:
    """A body in the two forms that clients may ask for.

    Attributes
    ----------
    plain, gzipped : the bytes as they are, and compressed by gzip, or None if that saves nothing.
    tag : identifies the content, for conditional requests.
    """

    kind: str
    plain: bytes
    gzipped: bytes | None
    tag: str

    @classmethod
    def of(cls, content: bytes, kind: str) -> Packed:
        """Compress a body."""
        gzipped = gzip.compress(content, 9, mtime=0) if len(content) >= _SMALLEST else content
        tag = hashlib.sha256(content).hexdigest()[:16]
        return cls(kind, content, gzipped if len(gzipped) < len(content) else None, tag)

    def answer(self, request: Request, cache: str) -> Response:
        """Return the response to a request: 304 if the client has this content already."""
        packed = self.gzipped is not None and _accepts_gzip(request)
        tag = f'"{self.tag}{"-gzip" if packed else ""}"'
        headers = {"cache-control": cache, "etag": tag, "vary": "Accept-Encoding"}
        known = request.headers.get("if-none-match", "")
        if tag in (one.strip().removeprefix("W/") for one in known.split(",")):
            return Response(status_code=304, headers=headers)
        if packed:
            headers["content-encoding"] = "gzip"
        return Response(self.gzipped if packed else self.plain, 200, headers, self.kind)


def _accepts_gzip(request: Request) -> bool:
    for part in request.headers.get("accept-encoding", "").lower().split(","):
        name, _, weight = part.partition(";")
        if name.strip() in ("gzip", "*"):
            return weight.replace(" ", "") not in ("q=0", "q=0.0", "q=0.00", "q=0.000")
    return False


def _preferred(request: Request) -> int:
    """Return which of the page's languages the browser names first; English if none."""
    for part in request.headers.get("accept-language", "").lower().split(","):
        for i, language in enumerate(_LANGUAGES):
            if part.strip().startswith(language):
                return i
    return 0


def without_comments(script: str) -> str:
    """Drop comments that fill whole lines; the other lines keep their numbers."""
    return _COMMENT.sub(lambda m: "\n" * m[0].count("\n"), script)


def words_of(script: str) -> dict[str, list[str]]:
    """Return the word list of the page: each key's text in English and Chinese."""
    return {key: [json.loads(text) for text in texts] for key, *texts in _ENTRY.findall(script)}


def worded(page: str, words: dict[str, list[str]], language: int) -> str:
    """Insert the text of elements with `data-t` or `data-t-label`, as the script does later.

    So the page can be read before its script has arrived.

    Raises
    ------
    KeyError : a key is not in the list.
    """
    page = _TEXT.sub(lambda m: f"{m[0]}{html.escape(words[m[1]][language])}", page)
    page = _LABEL.sub(lambda m: f'{m[0]} aria-label="{html.escape(words[m[1]][language])}"', page)
    return page.replace('<html lang="en">', f'<html lang="{("en", "zh-CN")[language]}">')


class StaticFiles:
    """The files of a folder, read once, when the server starts.

    Below `/page/<version>/`, where the version is a hash of all files, the modules of the first
    view are one: browsers keep such files for good, and files of two versions never meet in one
    page. Directly below `/page/` every module is as it is in the folder.
    """

    def __init__(self, folder: Path = PAGE) -> None:
        files = sorted(path for path in folder.iterdir() if path.suffix in _TYPES)
        texts = {path.name: path.read_text("utf-8") for path in files}
        whole = hashlib.sha256()
        for name, text in texts.items():
            whole.update(f"{name} {len(text)} {text}".encode())
        self.version = whole.hexdigest()[:12]
        self._files = {name: _packed(name, text) for name, text in texts.items()}
        scripts = {Path(name).stem: text for name, text in texts.items() if name.endswith(".js")}
        bundled = {f"{name}.js": text for name, text in bundle(scripts, "app").items()}
        self._linked = {
            name: _packed(name, without_comments(text) if name.endswith((".js", ".css")) else text)
            for name, text in {**texts, **bundled}.items()
        }
        page = texts["index.html"].replace('"/page/', f'"/page/{self.version}/')
        words = words_of(texts["words.js"])
        self._pages = [
            _packed("index.html", worded(page, words, language))
            for language in range(len(_LANGUAGES))
        ]

    async def index(self, request: Request) -> Response:
        """Answer with the page itself, in the language that the browser prefers."""
        response = self._pages[_preferred(request)].answer(request, _CHECK_EACH_TIME)
        response.headers.add_vary_header("Accept-Language")
        return response

    async def docs(self, request: Request) -> Response:
        """Answer with the page about the HTTP interface."""
        return self._files["docs.html"].answer(request, _CHECK_EACH_TIME)

    async def file(self, request: Request) -> Response:
        """Answer with a file, to be kept for good if its address names the version."""
        version = request.path_params.get("version")
        file = (self._files if version is None else self._linked).get(request.path_params["name"])
        if file is None or version not in (None, self.version):
            raise HTTPException(404)
        return file.answer(request, _CHECK_EACH_TIME if version is None else _FOREVER)


def _packed(name: str, text: str) -> Packed:
    return Packed.of(text.encode(), _TYPES[Path(name).suffix])
