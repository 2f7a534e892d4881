"""Arguments and files -> exit status, standard output, diagnostics, output file.

The transformation itself is a stub here: what it makes of a text is its own concern.
"""

import io
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import NamedTuple

import pytest
from click.testing import CliRunner

from flatgrad import cli
from flatgrad.errors import Diagnostic, FlatgradError, Place
from flatgrad.options import Options

ROOT = Path(__file__).parents[1]
SOURCE = "def f(x):\n    return x * x\n"
EMITTED = "# gradient\n" + SOURCE

Transform = Callable[[str, Options], str]


class Outcome(NamedTuple):
    status: int
    out: str
    err: str


class CommandLine:
    """flatgrad with a stub for the transformation, in a folder of its own."""

    def __init__(
        self, patch: pytest.MonkeyPatch, captured: pytest.CaptureFixture[bytes]
    ) -> None:
        self.patch = patch
        self.captured = captured
        self.options: Options | None = None
        self.transform_with(lambda text, options: "# gradient\n" + text)

    def transform_with(self, transform: Transform) -> None:
        def remember(text: str, options: Options) -> str:
            self.options = options
            return transform(text, options)

        pipeline = ModuleType("flatgrad.pipeline")
        pipeline.__dict__["transform"] = remember
        self.patch.setitem(sys.modules, "flatgrad.pipeline", pipeline)

    def fail_with(self, error: BaseException) -> None:
        def fail(text: str, options: Options) -> str:
            raise error

        self.transform_with(fail)

    def __call__(self, *arguments: str, stdin: bytes = b"") -> Outcome:
        self.patch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(stdin)))
        status = cli.run(arguments)
        out, err = self.captured.readouterr()
        return Outcome(status, out.decode(), err.decode())


@pytest.fixture
def flatgrad(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsysbinary: pytest.CaptureFixture[bytes],
) -> CommandLine:
    monkeypatch.chdir(tmp_path)
    Path("f.py").write_text(SOURCE)
    return CommandLine(monkeypatch, capsysbinary)


# Where the text goes


def test_to_standard_output(flatgrad: CommandLine) -> None:
    assert flatgrad("f.py") == (0, EMITTED, "")


def test_from_standard_input(flatgrad: CommandLine) -> None:
    assert flatgrad("-", stdin=SOURCE.encode()) == (0, EMITTED, "")
    assert flatgrad.options == Options(filename="<stdin>")


def test_dash_is_standard_output(flatgrad: CommandLine) -> None:
    assert flatgrad("f.py", "-o", "-") == (0, EMITTED, "")
    assert not Path("-").exists()


def test_to_a_file(flatgrad: CommandLine) -> None:
    assert flatgrad("f.py", "-o", "g.py") == (0, "", "")
    assert Path("g.py").read_bytes() == EMITTED.encode()


def test_newline_style_is_kept(flatgrad: CommandLine) -> None:
    Path("f.py").write_bytes(SOURCE.replace("\n", "\r\n").encode())
    emitted = EMITTED.replace("\n", "\r\n")
    assert flatgrad("f.py") == (0, emitted, "")
    flatgrad("f.py", "-o", "g.py")
    assert Path("g.py").read_bytes() == emitted.encode()


def test_output_is_utf8_whatever_the_input(flatgrad: CommandLine) -> None:
    Path("f.py").write_bytes(b"# coding: latin-1\n# \xe9\n")
    assert flatgrad("f.py") == (0, "# gradient\n# coding: latin-1\n# é\n", "")


# Options


def test_default_options(flatgrad: CommandLine) -> None:
    flatgrad("f.py")
    assert flatgrad.options == Options(
        functions=(),
        wrt=(),
        emit="grad",
        names="grad_",
        shapes={},
        comments=True,
        filename="f.py",
    )


def test_all_options(flatgrad: CommandLine) -> None:
    arguments = "f.py --function f --function g --wrt x,W --emit pair --names d"
    shapes = ["--shape", "x=N, D", "--shape", "b=", "--no-comments"]
    assert flatgrad(*arguments.split(), *shapes).status == 0
    assert flatgrad.options == Options(
        functions=("f", "g"),
        wrt=("x", "W"),
        emit="pair",
        names="d",
        shapes={"x": ("N", "D"), "b": ()},
        comments=False,
        filename="f.py",
    )


@pytest.mark.parametrize(
    ("text", "shape"),
    [
        ("x=", ()),
        ("x=()", ()),
        ("x=N", ("N",)),
        ("x=N,", ("N",)),
        ("x=(N,)", ("N",)),
        ("x=3", (3,)),
        ("x=0,2", (0, 2)),
        (" x = ( N , 3, D ) ", ("N", 3, "D")),
    ],
)
def test_shape(flatgrad: CommandLine, text: str, shape: tuple[str | int, ...]) -> None:
    flatgrad("f.py", "--shape", text)
    assert flatgrad.options is not None
    assert flatgrad.options.shapes == {"x": shape}


DIMENSION = "is not a dimension; write a name or a number from 0 up"
SHAPE = "is not a shape; write x=N,D or, for a scalar, x="
PREFIX = "cannot begin a name; a prefix is letters, digits and underscores"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "Missing argument 'FILE'."),
        (["f.py", "--shape", "x"], f"Invalid value for '--shape': 'x' {SHAPE}"),
        (["f.py", "--shape", "=N"], f"Invalid value for '--shape': '=N' {SHAPE}"),
        (["f.py", "--shape", "if=N"], f"Invalid value for '--shape': 'if=N' {SHAPE}"),
        (["f.py", "--shape", "x=-1"], f"Invalid value for '--shape': '-1' {DIMENSION}"),
        (
            ["f.py", "--shape", "x=2.5"],
            f"Invalid value for '--shape': '2.5' {DIMENSION}",
        ),
        (["f.py", "--shape", "x=N,,D"], f"Invalid value for '--shape': '' {DIMENSION}"),
        (["f.py", "--shape", "x=,"], f"Invalid value for '--shape': '' {DIMENSION}"),
        (["f.py", "--shape", "x=(N"], f"Invalid value for '--shape': '(N' {DIMENSION}"),
        (
            ["f.py", "--shape", "x=N", "--shape", "x=M"],
            "Invalid value for '--shape': the shape of x is given twice",
        ),
        (
            ["f.py", "--wrt", "x,"],
            "Invalid value for '--wrt': '' is not a parameter name; write x or x,W",
        ),
        (["f.py", "--wrt", "x,x"], "Invalid value for '--wrt': x is named twice"),
        (["f.py", "--names", ""], f"Invalid value for '--names': '' {PREFIX}"),
        (["f.py", "--names", "2d"], f"Invalid value for '--names': '2d' {PREFIX}"),
        (
            ["f.py", "--emit", "hessian"],
            "Invalid value for '--emit': 'hessian' is not one of grad, pair, jvp",
        ),
        (["f.py", "--diff"], "--diff and --check need -o OUT to compare with."),
        (["f.py", "--check"], "--diff and --check need -o OUT to compare with."),
        (
            ["f.py", "--check", "-o", "-"],
            "--diff and --check need -o OUT to compare with.",
        ),
        (
            ["f.py", "--check", "--diff", "-o", "g.py"],
            "--diff and --check exclude each other.",
        ),
        (
            ["f.py", "-o", "./f.py"],
            "OUT is FILE itself, which would be overwritten.",
        ),
    ],
)
def test_wrong_usage(flatgrad: CommandLine, arguments: list[str], message: str) -> None:
    status, out, err = flatgrad(*arguments)
    assert (status, out) == (2, "")
    assert err.startswith("Usage: flatgrad [OPTIONS] FILE\n")
    assert err.endswith(f"\n\nError: {message}\n")
    assert Path("f.py").read_text() == SOURCE


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"emit": "hessian"},
            "FG502 'hessian' is nothing that can be emitted\n"
            "  flatgrad can emit grad, pair or jvp",
        ),
        ({"names": "2d"}, f"FG502 '2d' {PREFIX}"),
    ],
)
def test_options_check_themselves(changes: dict[str, str], message: str) -> None:
    with pytest.raises(FlatgradError) as caught:
        Options(emit=changes.get("emit", "grad"), names=changes.get("names", "grad_"))
    assert str(caught.value) == message


# Refusals


def test_every_diagnostic_is_shown(flatgrad: CommandLine) -> None:
    flatgrad.fail_with(
        FlatgradError(
            Diagnostic("FG201", "no rule for mul", "give one", Place(2, 12, 2, 17)),
            Diagnostic("FG101", "second problem"),
        )
    )
    assert flatgrad("f.py") == (
        1,
        "",
        (
            "f.py:2:12: FG201 no rule for mul\n"
            "    2 |     return x * x\n"
            "      |            ^^^^^\n"
            "  give one\n"
            "f.py: FG101 second problem\n"
        ),
    )


@pytest.mark.parametrize("mode", [[], ["--diff"], ["--check"]])
def test_refusal_leaves_the_output_alone(
    flatgrad: CommandLine, mode: list[str]
) -> None:
    flatgrad.fail_with(FlatgradError(Diagnostic("FG101", "a problem")))
    Path("g.py").write_text("old\n")
    before = Path("g.py").stat()
    assert flatgrad("f.py", "-o", "g.py", *mode) == (1, "", "f.py: FG101 a problem\n")
    assert Path("g.py").read_text() == "old\n"
    assert Path("g.py").stat().st_ino == before.st_ino


def test_odd_input_file(flatgrad: CommandLine) -> None:
    assert flatgrad("missing.py") == (
        1,
        "",
        (
            "missing.py: FG001 does not exist\n"
            "  check the name, and the folder you are in\n"
        ),
    )


def test_empty_standard_input(flatgrad: CommandLine) -> None:
    assert flatgrad("-") == (
        1,
        "",
        "<stdin>: FG007 is empty\n  name a file that defines a function\n",
    )


def test_output_in_a_missing_folder(flatgrad: CommandLine) -> None:
    folder = Path("missing").resolve()
    assert flatgrad("f.py", "-o", "missing/g.py") == (
        1,
        "",
        (
            f"missing/g.py: FG008 cannot be written: no folder {folder}\n"
            "  make the folder first\n"
        ),
    )


# Comparing with what is there


def test_check_passes(flatgrad: CommandLine) -> None:
    flatgrad("f.py", "-o", "g.py")
    assert flatgrad("f.py", "-o", "g.py", "--check") == (0, "", "")


def test_check_finds_stale_output(flatgrad: CommandLine) -> None:
    Path("g.py").write_text("old\n")
    assert flatgrad("f.py", "-o", "g.py", "--check") == (
        1,
        "",
        (
            "g.py: FG009 is not what f.py gives now\n"
            "  run the same command without --check to write it\n"
        ),
    )
    assert Path("g.py").read_text() == "old\n"


def test_check_finds_missing_output(flatgrad: CommandLine) -> None:
    assert flatgrad("f.py", "-o", "g.py", "--check") == (
        1,
        "",
        (
            "g.py: FG009 does not exist\n"
            "  run the same command without --check to write it\n"
        ),
    )
    assert not Path("g.py").exists()


def test_diff(flatgrad: CommandLine) -> None:
    Path("g.py").write_text(SOURCE)
    assert flatgrad("f.py", "-o", "g.py", "--diff") == (
        0,
        (
            "--- g.py\n+++ g.py\n@@ -1,2 +1,3 @@\n+# gradient\n"
            " def f(x):\n     return x * x\n"
        ),
        "",
    )
    assert Path("g.py").read_text() == SOURCE


def test_diff_with_missing_output(flatgrad: CommandLine) -> None:
    assert flatgrad("f.py", "-o", "g.py", "--diff") == (
        0,
        (
            "--- /dev/null\n+++ g.py\n@@ -0,0 +1,3 @@\n"
            "+# gradient\n+def f(x):\n+    return x * x\n"
        ),
        "",
    )
    assert not Path("g.py").exists()


def test_diff_with_a_directory(flatgrad: CommandLine) -> None:
    Path("g").mkdir()
    assert flatgrad("f.py", "-o", "g", "--diff") == (
        1,
        "",
        "g: FG002 is a directory, not a file\n  name a file to compare with\n",
    )


# What should never happen


class Panic(BaseException):
    """What extension modules raise when they give up."""


@pytest.mark.parametrize(
    ("error", "named"),
    [
        (ValueError("odd"), "ValueError: odd"),
        (RecursionError(), "RecursionError"),
        (Panic("odd"), "Panic: odd"),
    ],
)
def test_internal_error(
    flatgrad: CommandLine, error: BaseException, named: str
) -> None:
    flatgrad.fail_with(error)
    assert flatgrad("f.py", "-o", "g.py") == (
        1,
        "",
        (
            f"f.py: FG999 internal error: {named}\n"
            "  this is a defect of flatgrad, not of your code; please report it with the\n"
            "  input that shows it (FLATGRAD_DEBUG=1 in the environment adds a traceback)"
            "\n"
        ),
    )
    assert not Path("g.py").exists()


def test_internal_error_with_traceback(flatgrad: CommandLine) -> None:
    flatgrad.patch.setenv("FLATGRAD_DEBUG", "1")
    flatgrad.fail_with(ValueError("odd"))
    outcome = flatgrad("f.py")
    assert outcome.status == 1
    assert outcome.err.startswith("Traceback (most recent call last):\n")
    assert "\nValueError: odd\nf.py: FG999 internal error" in outcome.err


def test_interrupt(flatgrad: CommandLine) -> None:
    flatgrad.fail_with(KeyboardInterrupt())
    status, out, err = flatgrad("f.py", "-o", "g.py")
    assert (status, out, err.strip()) == (130, "", "")
    assert not Path("g.py").exists()


# As processes


STUB = """
import sys, types
pipeline = types.ModuleType("flatgrad.pipeline")
pipeline.transform = lambda text, options: text * {copies}
sys.modules["flatgrad.pipeline"] = pipeline
from flatgrad.cli import main
main()
"""


def stubbed(copies: int = 1) -> list[str]:
    return [sys.executable, "-c", STUB.format(copies=copies)]


UNBUFFERED = pytest.mark.parametrize("unbuffered", ["", "1"])


@UNBUFFERED
def test_reader_that_goes_away(unbuffered: str) -> None:
    with subprocess.Popen(
        [*stubbed(copies=100_000), "cli.py"],
        cwd=ROOT,
        env={**os.environ, "PYTHONUNBUFFERED": unbuffered},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.read(10)
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode == 141


@UNBUFFERED
def test_text_that_is_longer_than_a_pipe(unbuffered: str) -> None:
    process = subprocess.run(
        [*stubbed(copies=100_000), "-"],
        cwd=ROOT,
        env={**os.environ, "PYTHONUNBUFFERED": unbuffered},
        input=SOURCE.encode(),
        capture_output=True,
    )
    assert (process.returncode, process.stderr) == (0, b"")
    assert process.stdout == SOURCE.encode() * 100_000


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full")
@UNBUFFERED
def test_full_disk(unbuffered: str) -> None:
    with open("/dev/full", "wb") as full:
        process = subprocess.run(
            [*stubbed(), "-"],
            cwd=ROOT,
            env={**os.environ, "PYTHONUNBUFFERED": unbuffered},
            input=SOURCE.encode(),
            stdout=full,
            stderr=subprocess.PIPE,
        )
    assert process.returncode == 1
    assert process.stderr.decode() == (
        "<stdout>: FG008 cannot be written: no space left on device\n"
        "  choose another place\n"
    )


def test_closed_standard_streams() -> None:
    command = " ".join(["exec", '"$@"', "-", "<&-", ">&-"])
    process = subprocess.run(
        ["/bin/sh", "-c", command, "sh", *stubbed()], cwd=ROOT, stderr=subprocess.PIPE
    )
    assert process.returncode == 1
    assert process.stderr.decode() == (
        "<stdin>: FG003 cannot be read: it is closed\n  name a Python file instead\n"
    )


@pytest.mark.parametrize("locale", ["C", "POSIX", "en_US.ISO-8859-1"])
def test_standard_output_is_utf8(locale: str) -> None:
    environment = {
        **os.environ,
        "LC_ALL": locale,
        "PYTHONIOENCODING": "ascii",
        "PYTHONUTF8": "0",
    }
    process = subprocess.run(
        [*stubbed(), "-"],
        cwd=ROOT,
        env=environment,
        input="é = 1  # é\n".encode(),
        capture_output=True,
    )
    assert (process.stdout, process.stderr) == ("é = 1  # é\n".encode(), b"")


@pytest.mark.parametrize("start", [["cli.py"], ["-m", "flatgrad"]])
def test_ways_to_start(start: list[str]) -> None:
    process = subprocess.run(
        [sys.executable, *start, "missing.py"], cwd=ROOT, capture_output=True, text=True
    )
    assert process.returncode == 1
    assert process.stderr.startswith("missing.py: FG001 does not exist\n")


def test_help_imports_nothing_heavy() -> None:
    script = (
        "import sys\nfrom flatgrad.cli import run\nassert run(['--help']) == 0\n"
        "heavy = {'libcst', 'black', 'numpy', 'astor', 'scipy', 'torch'}\n"
        "print(sorted(heavy & set(sys.modules)), file=sys.stderr)"
    )
    process = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True
    )
    assert process.returncode == 0
    assert process.stderr == "[]\n"
    assert process.stdout.startswith("Usage: flatgrad [OPTIONS] FILE\n")


def test_version() -> None:
    result = CliRunner().invoke(cli.command, ["--version"])
    assert result.exit_code == 0
    assert result.output.startswith("flatgrad ")
