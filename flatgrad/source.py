"""Files: a path -> the text of a Python file; emitted text -> a file, all or nothing.

Text inside flatgrad has newlines only; `Source.newline` remembers what the file had.
"""

import codecs
import os
import re
import stat
import sys
import tokenize
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from io import BytesIO, StringIO
from typing import BinaryIO, NoReturn

from flatgrad.errors import Diagnostic, FlatgradError

STANDARD_STREAM = "-"
STANDARD_INPUT = "<stdin>"

_COOKIE = re.compile(rb"[ \t\f]*#.*?coding[:=][ \t]*([-\w.]+)")  # PEP 263
_BLANK = re.compile(rb"[ \t\f]*(#.*)?$")
_WIDE_MARKS = (
    codecs.BOM_UTF32_LE,
    codecs.BOM_UTF32_BE,
    codecs.BOM_UTF16_LE,
    codecs.BOM_UTF16_BE,
)
_SAVE_AS_UTF8 = "save it as UTF-8, or name its encoding: # -*- coding: latin-1 -*-"


@dataclass(frozen=True)
class Source:
    """The text of a Python file, with what it takes to write in the same style."""

    text: str
    filename: str
    newline: str
    encoding: str
    data: bytes = b""  # as it stands in the file


def read_source(path: str) -> Source:
    """The Python file at `path`, or standard input for '-'."""
    data = _read_input(path)
    _refuse_binary(data)
    encoding = _encoding(data)
    text = _decoded(data, encoding)
    if not text.strip():
        _refuse("FG007", "is empty", "name a file that defines a function")
    newline = _newline_style(text)
    return Source(_normalised(text), shown_name(path), newline, encoding, data)


def shown_name(path: str) -> str:
    """What diagnostics call an input."""
    return STANDARD_INPUT if path == STANDARD_STREAM else path


def with_newlines(text: str, newline: str) -> str:
    """Normalised text in the newline style of a file."""
    return text.replace("\n", newline)


def existing_text(path: str) -> str | None:
    """What stands in an output file, newlines as they are; None if there is none."""
    if os.path.isdir(path):
        _refuse("FG002", "is a directory, not a file", "name a file to compare with")
    try:
        with open(path, "rb") as file:
            return file.read().decode("utf-8", "surrogateescape")
    except FileNotFoundError:
        return None
    except OSError as error:
        _refuse("FG003", f"cannot be read: {_reason(error)}")


def difference(path: str, old: str | None, new: str) -> str:
    """What changes in the file at `path`, as a unified diff."""
    import difflib

    before = "/dev/null" if old is None else path
    lines = difflib.unified_diff(_lines(old or ""), _lines(new), before, path)
    return "".join(map(_diff_line, lines))


def write_atomically(path: str, text: str) -> None:
    """Put the text at `path`: the whole of it or, on a failure, nothing.

    A symbolic link stays and its target is replaced; an existing file keeps its mode.
    What is not a regular file, such as a pipe, is simply written to.
    """
    write_bytes_atomically(path, text.encode("utf-8"))


def write_bytes_atomically(path: str, data: bytes) -> None:
    """The same for a file whose bytes are kept as they are."""
    if os.path.isdir(path):
        _refuse("FG002", "is a directory, not a file", "name the file to write with -o")
    with _write_failures(os.path.dirname(os.path.realpath(path))):
        mode = _mode(path)
        if mode is None or stat.S_ISREG(mode):
            _replace(os.path.realpath(path), data, mode)
        else:
            _write_through(path, data)


def write_standard_output(text: str) -> None:
    """Print the text as UTF-8, whatever the locale says."""
    if sys.stdout is None:
        _refuse("FG008", "cannot be written: it is closed", "write a file with -o OUT")
    data = text.encode("utf-8", "surrogateescape")
    with _write_failures():
        try:
            sys.stdout.flush()
            _write_whole(sys.stdout.buffer, data)
            sys.stdout.buffer.flush()
        except OSError:
            _discard_standard_output()
            raise


def _refuse(code: str, what: str, next_step: str = "") -> NoReturn:
    raise FlatgradError(Diagnostic(code, what, next_step))


def _reason(error: OSError) -> str:
    return (error.strerror or str(error)).lower()


# Reading


def _read_input(path: str) -> bytes:
    if path == STANDARD_STREAM:
        return _read_standard_input()
    if os.path.isdir(path):
        _refuse("FG002", "is a directory, not a file", "name one Python file in it")
    try:
        with open(path, "rb") as file:
            return file.read()
    except FileNotFoundError:
        _refuse("FG001", "does not exist", "check the name, and the folder you are in")
    except OSError as error:
        _refuse("FG003", f"cannot be read: {_reason(error)}")


def _read_standard_input() -> bytes:
    if sys.stdin is None:
        _refuse("FG003", "cannot be read: it is closed", "name a Python file instead")
    try:
        return sys.stdin.buffer.read()
    except OSError as error:
        _refuse("FG003", f"cannot be read: {_reason(error)}")


def _refuse_binary(data: bytes) -> None:
    if data.startswith(_WIDE_MARKS):
        _refuse(
            "FG004",
            "is UTF-16 or UTF-32, which Python does not read",
            "save it as UTF-8",
        )
    if b"\0" in data:
        _refuse("FG004", "is a binary file, not Python text", "name a Python file")


def _encoding(data: bytes) -> str:
    """The encoding that the byte order mark or the PEP 263 cookie names, else UTF-8."""
    try:
        return tokenize.detect_encoding(BytesIO(data).readline)[0]
    except SyntaxError:
        return _encoding_of_odd_start(data)


def _encoding_of_odd_start(data: bytes) -> str:
    """The encoding where the first two lines are not UTF-8 or name an odd one."""
    cookie = _cookie(data)
    if cookie is None:
        return "utf-8"
    if data.startswith(codecs.BOM_UTF8):
        _refuse(
            "FG006",
            f"starts with the UTF-8 byte order mark but declares encoding {cookie!r}",
            "remove the one or the other",
        )
    if not _is_known(cookie):
        _refuse_encoding(cookie)
    return cookie


def _cookie(data: bytes) -> str | None:
    """The name in a coding cookie on the first line, or the second after a comment."""
    for line in re.split(
        rb"\r\n|\r|\n", data.removeprefix(codecs.BOM_UTF8), maxsplit=2
    )[:2]:
        if match := _COOKIE.match(line):
            return match[1].decode("ascii", "replace")
        if not _BLANK.match(line):
            return None
    return None


def _is_known(encoding: str) -> bool:
    try:
        codecs.lookup(encoding)
    except LookupError:
        return False
    return True


def _refuse_encoding(encoding: str) -> NoReturn:
    _refuse("FG006", f"declares the unknown encoding {encoding!r}", _SAVE_AS_UTF8)


def _decoded(data: bytes, encoding: str) -> str:
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as error:
        _refuse("FG005", f"is not valid {encoding}: {_culprit(error)}", _SAVE_AS_UTF8)
    except LookupError:  # a codec, but not one of text: rot13, hex
        _refuse_encoding(encoding)
    except ValueError as error:
        _refuse("FG005", f"is not valid {encoding}: {error}", _SAVE_AS_UTF8)


def _culprit(error: UnicodeDecodeError) -> str:
    before = error.object[: error.start].decode("latin-1")
    line = _normalised(before).count("\n") + 1
    return f"byte 0x{error.object[error.start]:02x} on line {line}"


def _normalised(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _newline_style(text: str) -> str:
    """The newline that the text uses most; a tie goes to the plainest."""
    windows = text.count("\r\n")
    counts = {
        "\n": text.count("\n") - windows,
        "\r\n": windows,
        "\r": text.count("\r") - windows,
    }
    return max(counts, key=counts.__getitem__)


# Comparing


def _lines(text: str) -> list[str]:
    return list(StringIO(text, newline="\n"))


def _diff_line(line: str) -> str:
    return line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n"


# Writing


@contextmanager
def _write_failures(folder: str = "") -> Iterator[None]:
    """Turn what the system says about a failed write into a diagnostic."""
    try:
        yield
    except BrokenPipeError:
        raise
    except FileNotFoundError:
        _refuse(
            "FG008", f"cannot be written: no folder {folder}", "make the folder first"
        )
    except OSError as error:
        where = f" in folder {folder}" if folder else ""
        what = f"cannot be written: {_reason(error)}{where}"
        _refuse("FG008", what, "choose another place")


def _mode(path: str) -> int | None:
    try:
        return os.stat(path).st_mode
    except FileNotFoundError:
        return None


def _replace(target: str, data: bytes, mode: int | None) -> None:
    if mode is not None and not os.access(target, os.W_OK):
        _refuse(
            "FG008", "cannot be written: it is read-only", "allow writing to it first"
        )
    beside = os.path.join(os.path.dirname(target), f".flatgrad-{os.urandom(8).hex()}")
    try:
        with open(beside, "xb") as file:
            file.write(data)
        if mode is not None:
            os.chmod(beside, stat.S_IMODE(mode))
        os.replace(beside, target)
    except BaseException:
        with suppress(OSError):
            os.remove(beside)
        raise


def _write_through(path: str, data: bytes) -> None:
    with open(path, "wb") as file:
        file.write(data)


def _write_whole(stream: BinaryIO, data: bytes) -> None:
    """Write all of it: an unbuffered stream (python -u) may take only a part."""
    rest = memoryview(data)
    while rest:
        rest = rest[stream.write(rest) or 0 :]


def _discard_standard_output() -> None:
    """Spare the interpreter a second failure when it flushes at exit."""
    with suppress(OSError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
