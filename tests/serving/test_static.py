"""The page's files as they are sent: compressed, kept for good, in the reader's language."""

from __future__ import annotations

import gzip
import re
import shutil
from pathlib import Path

import httpx
import pytest

from mnistry.serving.static import PAGE, StaticFiles, without_comments, worded, words_of

WORDS = [
    PAGE / name for name in ("words.js", *(f"words-{n}.js" for n in ("learn", "look", "teach")))
]


def test_files_are_sent_compressed_to_those_who_can_unpack(client: httpx.Client) -> None:
    """Both forms have the same content, and each has its own entity tag."""
    packed = client.get("/page/words.js", headers={"accept-encoding": "gzip"})
    plain = client.get("/page/words.js", headers={"accept-encoding": "identity"})
    assert packed.headers["content-encoding"] == "gzip"
    assert "content-encoding" not in plain.headers
    assert packed.content == plain.content
    assert packed.headers["etag"] != plain.headers["etag"]
    assert int(packed.headers["content-length"]) < len(plain.content) / 2
    assert packed.headers["vary"] == "Accept-Encoding"
    refusing = client.get("/page/words.js", headers={"accept-encoding": "gzip;q=0, identity"})
    assert "content-encoding" not in refusing.headers


def test_linked_files_are_kept_for_good(client: httpx.Client) -> None:
    """URLs contain a hash of the content; those of another version are not found."""
    page = client.get("/").text
    links = re.findall(r'(?:href|src)="(/page/[^"]+)"', page)
    assert len(links) == 3
    for link in links:
        response = client.get(link)
        assert response.is_success
        assert "immutable" in response.headers["cache-control"]
    assert client.get(f"/page/0123456789ab/{Path(links[0]).name}").status_code == 404


def test_the_version_is_that_of_the_content(tmp_path: Path) -> None:
    """The same files have the same one; a changed byte changes it."""
    shutil.copytree(PAGE, tmp_path / "page")
    before = StaticFiles(tmp_path / "page").version
    assert before == StaticFiles().version
    style = tmp_path / "page" / "style.css"
    style.write_bytes(style.read_bytes() + b"\n")
    assert StaticFiles(tmp_path / "page").version != before


def test_the_first_view_needs_three_requests(client: httpx.Client) -> None:
    """The page, its style and one script that imports nothing, in 33,000 bytes all together."""
    page = client.get("/").text
    links = re.findall(r'(?:href|src)="(/page/[^"]+\.(?:js|css))"', page)
    assert len(links) == 2
    assert not re.search(r'^import|import "', client.get(links[1]).text, re.MULTILINE)
    sizes = [int(client.get(link).headers["content-length"]) for link in ("/", *links)]
    assert sum(sizes) <= 33_000


@pytest.mark.parametrize(("language", "own"), [("en-GB,en;q=0.9,zh", 0), ("zh-CN,zh;q=0.9,en", 1)])
def test_the_words_are_in_the_page_before_any_script_runs(
    client: httpx.Client, language: str, own: int
) -> None:
    """The page is served in the language that the browser prefers."""
    response = client.get("/", headers={"accept-language": language})
    words = words_of((PAGE / "words.js").read_text("utf-8"))
    for key in ("tab.draw", "clear", "draw.hint", "outcome.blank", "bars.help"):
        assert f">{words[key][own]}</" in response.text
    assert f'aria-label="{words["draw.canvas"][own]}"' in response.text
    assert f'<html lang="{("en", "zh-CN")[own]}">' in response.text
    assert "Accept-Language" in response.headers["vary"]


def test_a_key_without_words_is_found() -> None:
    """A key without a text raises a KeyError."""
    with pytest.raises(KeyError):
        worded('<p data-t="nothing"></p>', {"other": ["a", "b"]}, 0)


def test_every_word_is_in_both_languages() -> None:
    """Each entry has an English and a Chinese text with the same values in braces."""
    for path in WORDS:
        script = path.read_text("utf-8")
        words = words_of(script)
        assert len(words) == len(re.findall(r'^  "?[\w.-]+"?: \[', script, re.M))
        for key, (english, chinese) in words.items():
            values = [sorted(re.findall(r"\{\w+\}", text)) for text in (english, chinese)]
            assert values[0] == values[1], key


def test_every_word_that_the_page_asks_for_is_there() -> None:
    """Every key in the scripts and the page has an entry in the word list."""
    known = {key for path in WORDS for key in words_of(path.read_text("utf-8"))}
    for path in PAGE.glob("*.js"):
        for key in re.findall(r'\bt\("([\w.-]+)"', path.read_text("utf-8")):
            assert key in known, (path.name, key)


def test_comments_that_are_dropped_leave_the_line_numbers() -> None:
    """Only comments that fill their lines go."""
    script = '/** One.\n * two */\nconst a = 1; // stays\n  // goes\nconst b = "/* no */";\n'
    assert without_comments(script) == '\n\nconst a = 1; // stays\n\nconst b = "/* no */";\n'


def test_files_are_compressed_the_same_each_time() -> None:
    """The bytes hold no time of day: two servers' answers agree."""
    first, second = StaticFiles(), StaticFiles()
    for name, packed in first._linked.items():
        assert packed == second._linked[name]
        if packed.gzipped is not None:
            assert gzip.decompress(packed.gzipped) == packed.plain
