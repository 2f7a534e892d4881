"""Diagnostics and odd files -> the whole message a user reads."""

import pickle
import re
from pathlib import Path

import pytest

import flatgrad.errors
from flatgrad.errors import CODES, Diagnostic, FlatgradError, Place
from flatgrad.source import (
    difference,
    existing_text,
    read_source,
    with_newlines,
    write_atomically,
)

NEURON = """\
from scipy.special import voigt_profile


def neuron(x, s, g):
    y = voigt_profile(x, s, g)
    return y
"""


def rendered(line: str, place: Place) -> str:
    """What is shown below the headline for a place in a single line."""
    text = Diagnostic("FG201", "odd", place=place).render("f.py", line)
    return text.split("\n", 1)[1]


def test_render_with_place() -> None:
    diagnostic = Diagnostic(
        "FG201",
        "no derivative rule for scipy.special.voigt_profile",
        "give one with @flatgrad.rule, or mark the value constant"
        " with  # flatgrad: stop",
        Place(5, 9, 5, 31),
    )
    assert diagnostic.render("neuron.py", NEURON) == (
        "neuron.py:5:9: FG201 no derivative rule for scipy.special.voigt_profile\n"
        "    5 |     y = voigt_profile(x, s, g)\n"
        "      |         ^^^^^^^^^^^^^^^^^^^^^^\n"
        "  give one with @flatgrad.rule, or mark the value constant"
        " with  # flatgrad: stop"
    )


def test_render_without_place() -> None:
    diagnostic = Diagnostic("FG001", "does not exist", "check the name\nand the folder")
    assert diagnostic.render("neuron.py", "") == (
        "neuron.py: FG001 does not exist\n  check the name\n  and the folder"
    )


def test_render_headline_alone() -> None:
    assert Diagnostic("FG007", "is empty").render("f.py", "") == "f.py: FG007 is empty"


@pytest.mark.parametrize(
    ("line", "place", "expected"),
    [
        pytest.param(
            "\ty = f(\tx)",
            Place(1, 6, 1, 11),
            "    1 |     y = f(  x)\n      |         ^^^^^^",
            id="tabs",
        ),
        pytest.param(
            "y = f(\n    x,\n)",
            Place(1, 5, 3, 2),
            "    1 | y = f(\n      |     ^^",
            id="several lines",
        ),
        pytest.param(
            "y = f(   \n)\n",
            Place(1, 5, 2, 2),
            "    1 | y = f(\n      |     ^^",
            id="trailing blanks",
        ),
        pytest.param(
            "y = (",
            Place(1, 6, 1, 6),
            "    1 | y = (\n      |      ^",
            id="at the end of the line",
        ),
        pytest.param(
            "y = (",
            Place(1, 40, 1, 50),
            "    1 | y = (\n      |      ^",
            id="past the end of the line",
        ),
        pytest.param(
            "名 = f(e\u0301, x)",
            Place(1, 5, 1, 12),
            "    1 | 名 = f(e\u0301, x)\n      |      ^^^^^^",
            id="wide and combining characters",
        ),
        pytest.param(
            "\x0cy\x1b = f(x)",
            Place(1, 6, 1, 10),
            "    1 |  y  = f(x)\n      |      ^^^^",
            id="control characters",
        ),
        pytest.param(
            "\n" * 122 + "y",
            Place(123, 1, 123, 2),
            "  123 | y\n      | ^",
            id="three digits",
        ),
        pytest.param(
            "\n" * 122_999 + "y",
            Place(123_000, 1, 123_000, 2),
            "123000 | y\n       | ^",
            id="six digits",
        ),
        pytest.param(
            "\n\n",
            Place(2, 1, 2, 1),
            "    2 |\n      | ^",
            id="an empty line",
        ),
    ],
)
def test_excerpt(line: str, place: Place, expected: str) -> None:
    assert rendered(line, place) == expected


@pytest.mark.parametrize("line", [0, 3])
def test_place_outside_of_the_source(line: int) -> None:
    diagnostic = Diagnostic("FG010", "odd", "look", Place(line, 1, line, 2))
    assert diagnostic.render("f.py", "x = 1\n") == f"f.py:{line}:1: FG010 odd\n  look"


def test_error_text_joins_the_messages() -> None:
    error = FlatgradError(
        Diagnostic("FG201", "no rule for f", "give one", Place(3, 1, 3, 2)),
        Diagnostic("FG501", "not yet"),
    )
    assert str(error) == "line 3: FG201 no rule for f\n  give one\nFG501 not yet"
    assert len(error.diagnostics) == 2


def test_error_survives_pickling() -> None:
    error = FlatgradError(Diagnostic("FG201", "no rule for f", "", Place(3, 1, 3, 2)))
    assert pickle.loads(pickle.dumps(error)).diagnostics == error.diagnostics


def test_every_code_in_use_is_in_the_table() -> None:
    package = Path(flatgrad.errors.__file__).parent
    texts = (path.read_text("utf-8") for path in package.rglob("*.py"))
    in_use = {code for text in texts for code in re.findall(r'"(FG\d{3})"', text)}
    assert in_use <= set(CODES)


# Files that are read


@pytest.mark.parametrize(
    ("data", "text", "newline", "encoding"),
    [
        pytest.param(b"x = 1\n", "x = 1\n", "\n", "utf-8", id="plain"),
        pytest.param(b"x = 1", "x = 1", "\n", "utf-8", id="no last newline"),
        pytest.param(
            b"x = 1\r\ny = 2\r\n", "x = 1\ny = 2\n", "\r\n", "utf-8", id="CRLF"
        ),
        pytest.param(b"x = 1\ry = 2\r", "x = 1\ny = 2\n", "\r", "utf-8", id="CR"),
        pytest.param(
            b"x = 1\r\ny = 2\r\nz = 3\n",
            "x = 1\ny = 2\nz = 3\n",
            "\r\n",
            "utf-8",
            id="mixed, mostly CRLF",
        ),
        pytest.param(
            b"x = 1\r\ny = 2\n", "x = 1\ny = 2\n", "\n", "utf-8", id="mixed, a tie"
        ),
        pytest.param(
            b"def f(x):\n\treturn x\n",
            "def f(x):\n\treturn x\n",
            "\n",
            "utf-8",
            id="tabs",
        ),
        pytest.param(
            b"\xef\xbb\xbfx = 1\n", "x = 1\n", "\n", "utf-8-sig", id="byte order mark"
        ),
        pytest.param("é = 1\n".encode(), "é = 1\n", "\n", "utf-8", id="UTF-8"),
        pytest.param(
            b"# -*- coding: latin-1 -*-\n# \xe9\n",
            "# -*- coding: latin-1 -*-\n# é\n",
            "\n",
            "iso-8859-1",
            id="latin-1 cookie",
        ),
        pytest.param(
            b"#!/usr/bin/python\n# vim: set fileencoding=cp1252 :\nx = '\x80'\n",
            "#!/usr/bin/python\n# vim: set fileencoding=cp1252 :\nx = '€'\n",
            "\n",
            "cp1252",
            id="cookie on the second line",
        ),
        pytest.param(
            b"# J\xf6rg -*- coding: latin-1 -*-\nx = 1\n",
            "# Jörg -*- coding: latin-1 -*-\nx = 1\n",
            "\n",
            "latin-1",
            id="cookie on a line that is not UTF-8",
        ),
    ],
)
def test_read(
    tmp_path: Path, data: bytes, text: str, newline: str, encoding: str
) -> None:
    path = tmp_path / "f.py"
    path.write_bytes(data)
    source = read_source(str(path))
    assert (source.text, source.newline, source.encoding) == (text, newline, encoding)
    assert source.filename == str(path)


SAVE_AS_UTF8 = "  save it as UTF-8, or name its encoding: # -*- coding: latin-1 -*-"


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        pytest.param(
            b"",
            "f.py: FG007 is empty\n  name a file that defines a function",
            id="empty",
        ),
        pytest.param(
            b"\xef\xbb\xbf \r\n",
            "f.py: FG007 is empty\n  name a file that defines a function",
            id="blank",
        ),
        pytest.param(
            b"\x7fELF\0\0\1",
            "f.py: FG004 is a binary file, not Python text\n  name a Python file",
            id="binary",
        ),
        pytest.param(
            "x = 1\n".encode("utf-16"),
            "f.py: FG004 is UTF-16 or UTF-32, which Python does not read\n"
            "  save it as UTF-8",
            id="UTF-16",
        ),
        pytest.param(
            b"# \xe9\n",
            "f.py: FG005 is not valid utf-8: byte 0xe9 on line 1\n" + SAVE_AS_UTF8,
            id="latin-1 without a cookie, first line",
        ),
        pytest.param(
            b"x = 1\r\ny = 2\r\n\r\n# \xe9\r\n",
            "f.py: FG005 is not valid utf-8: byte 0xe9 on line 4\n" + SAVE_AS_UTF8,
            id="latin-1 without a cookie, fourth line",
        ),
        pytest.param(
            b"\xef\xbb\xbfx = 1\n# \xe9\n",
            "f.py: FG005 is not valid utf-8-sig: byte 0xe9 on line 2\n" + SAVE_AS_UTF8,
            id="latin-1 after a byte order mark",
        ),
        pytest.param(
            b"# coding: klingon\nx = 1\n",
            "f.py: FG006 declares the unknown encoding 'klingon'\n" + SAVE_AS_UTF8,
            id="unknown cookie",
        ),
        pytest.param(
            b"# coding: rot13\nx = 1\n",
            "f.py: FG006 declares the unknown encoding 'rot13'\n" + SAVE_AS_UTF8,
            id="cookie that names no encoding of text",
        ),
        pytest.param(
            b"\xef\xbb\xbf# coding: latin-1\nx = 1\n",
            "f.py: FG006 starts with the UTF-8 byte order mark"
            " but declares encoding 'latin-1'\n"
            "  remove the one or the other",
            id="byte order mark against cookie",
        ),
    ],
)
def test_refused_to_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, data: bytes, expected: str
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("f.py").write_bytes(data)
    assert refusal_of_reading("f.py") == expected


def refusal_of_reading(path: str) -> str:
    with pytest.raises(FlatgradError) as caught:
        read_source(path)
    (diagnostic,) = caught.value.diagnostics
    return diagnostic.render(path, "")


def test_missing_file() -> None:
    assert refusal_of_reading("no/such.py") == (
        "no/such.py: FG001 does not exist\n  check the name, and the folder you are in"
    )


def test_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("models").mkdir()
    assert refusal_of_reading("models") == (
        "models: FG002 is a directory, not a file\n  name one Python file in it"
    )


def test_unreadable_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("f.py").write_text("x = 1\n")
    assert refusal_of_reading("f.py/g.py") == (
        "f.py/g.py: FG003 cannot be read: not a directory"
    )


# Files that are written


def refusal_of_writing(path: Path) -> str:
    with pytest.raises(FlatgradError) as caught:
        write_atomically(str(path), "new\n")
    (diagnostic,) = caught.value.diagnostics
    return diagnostic.render(path.name, "")


def test_write_a_new_file(tmp_path: Path) -> None:
    path = tmp_path / "g.py"
    ordinary = tmp_path / "ordinary"
    ordinary.touch()
    write_atomically(str(path), with_newlines("é = 1\n", "\r\n"))
    assert path.read_bytes() == "é = 1\r\n".encode()
    assert path.stat().st_mode == ordinary.stat().st_mode


def test_write_keeps_the_mode(tmp_path: Path) -> None:
    path = tmp_path / "g.py"
    path.write_text("old\n")
    path.chmod(0o751)
    write_atomically(str(path), "new\n")
    assert path.read_text() == "new\n"
    assert path.stat().st_mode & 0o7777 == 0o751


def test_write_follows_a_link(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    target = tmp_path / "folder" / "target.py"
    target.write_text("old\n")
    link = tmp_path / "g.py"
    link.symlink_to(target)
    write_atomically(str(link), "new\n")
    assert link.is_symlink()
    assert target.read_text() == "new\n"


def test_write_through_a_device() -> None:
    write_atomically("/dev/null", "new\n")
    assert Path("/dev/null").is_char_device()


def test_write_into_a_missing_folder(tmp_path: Path) -> None:
    folder = tmp_path / "missing"
    assert refusal_of_writing(folder / "g.py") == (
        f"g.py: FG008 cannot be written: no folder {folder}\n  make the folder first"
    )


def test_write_onto_a_directory(tmp_path: Path) -> None:
    assert refusal_of_writing(tmp_path) == (
        f"{tmp_path.name}: FG002 is a directory, not a file\n"
        "  name the file to write with -o"
    )


def test_write_onto_a_read_only_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "g.py"
    path.write_text("old\n")
    monkeypatch.setattr("os.access", lambda *_: False)
    assert refusal_of_writing(path) == (
        "g.py: FG008 cannot be written: it is read-only\n  allow writing to it first"
    )
    assert path.read_text() == "old\n"


@pytest.mark.parametrize("step", ["os.chmod", "os.replace"])
def test_failed_write_leaves_no_trace(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    def fail(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    path = tmp_path / "g.py"
    path.write_text("old\n")
    monkeypatch.setattr(step, fail)
    assert refusal_of_writing(path) == (
        f"g.py: FG008 cannot be written: permission denied in folder {tmp_path}\n"
        "  choose another place"
    )
    assert path.read_text() == "old\n"
    assert list(tmp_path.iterdir()) == [path]


def test_interrupted_write_leaves_no_trace(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("os.replace", interrupt)
    with pytest.raises(KeyboardInterrupt):
        write_atomically(str(tmp_path / "g.py"), "new\n")
    assert list(tmp_path.iterdir()) == []


# Files that are compared


def test_existing_text_is_exact(tmp_path: Path) -> None:
    path = tmp_path / "g.py"
    assert existing_text(str(path)) is None
    path.write_bytes(b"x = 1\r\n# \xe9\n")
    assert existing_text(str(path)) == "x = 1\r\n# \udce9\n"


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        pytest.param("x\n", "x\n", "", id="equal"),
        pytest.param(
            None, "x\n", "--- /dev/null\n+++ g.py\n@@ -0,0 +1 @@\n+x\n", id="new"
        ),
        pytest.param(
            "x\f\ny",
            "x\f\nz\n",
            "--- g.py\n+++ g.py\n@@ -1,2 +1,2 @@\n x\f\n-y\n"
            "\\ No newline at end of file\n+z\n",
            id="form feed and no last newline",
        ),
        pytest.param(
            "x\r\n",
            "x\n",
            "--- g.py\n+++ g.py\n@@ -1 +1 @@\n-x\r\n+x\n",
            id="newline style",
        ),
    ],
)
def test_difference(old: str | None, new: str, expected: str) -> None:
    assert difference("g.py", old, new) == expected
