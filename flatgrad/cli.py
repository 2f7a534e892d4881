"""The command line: arguments -> emitted text, or diagnostics, and an exit status.

0 success, 1 refusal or stale, 2 wrong usage, 130 interrupted, 141 the reader of
standard output has gone.
"""

import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NoReturn, TypeVar

import click

from flatgrad.errors import Diagnostic, FlatgradError
from flatgrad.options import (
    EMITS,
    STYLES,
    Options,
    parse_names,
    parse_shapes,
    parse_wrt,
)
from flatgrad.source import (
    STANDARD_STREAM,
    Source,
    difference,
    existing_text,
    read_source,
    shown_name,
    with_newlines,
    write_atomically,
    write_bytes_atomically,
    write_standard_output,
)

INTERRUPTED = 130
READER_GONE = 141

PASSED_ON = (
    click.ClickException,
    click.Abort,
    BrokenPipeError,
    KeyboardInterrupt,
    SystemExit,
)

Parsed = TypeVar("Parsed")


def main() -> NoReturn:
    """The command `flatgrad`."""
    sys.exit(run())


def run(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit status."""
    try:
        with reported("flatgrad"):
            return _invoke(arguments)
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except (click.Abort, KeyboardInterrupt):
        return INTERRUPTED


def _invoke(arguments: Sequence[str] | None) -> int:
    arguments = sys.argv[1:] if arguments is None else arguments
    chosen, name = command, "flatgrad"
    if arguments and arguments[0] in SUBCOMMANDS:
        chosen, name = SUBCOMMANDS[arguments[0]], f"flatgrad {arguments[0]}"
        arguments = arguments[1:]
    status = chosen.main(arguments, prog_name=name, standalone_mode=False)
    return status or 0


class Refusal(click.ClickException):
    """Rendered diagnostics on their way to standard error."""

    def show(self, file: Any = None) -> None:
        click.echo(self.message, file=file, err=True)


@contextmanager
def reported(filename: str, source: str = "") -> Iterator[None]:
    """Whatever goes wrong inside is shown as a diagnostic about this file."""
    try:
        yield
    except FlatgradError as error:
        raise _refusal(error.diagnostics, filename, source) from None
    except PASSED_ON:
        raise
    except BaseException as error:  # extension modules panic outside of Exception
        _show_traceback()
        raise _refusal([_defect(error)], filename, source) from None


def _refusal(diagnostics: Sequence[Diagnostic], filename: str, source: str) -> Refusal:
    return Refusal("\n".join(each.render(filename, source) for each in diagnostics))


def _defect(error: BaseException) -> Diagnostic:
    return Diagnostic(
        "FG999",
        f"internal error: {type(error).__name__}: {error}".rstrip(": "),
        "this is a defect of flatgrad, not of your code; please report it with the\n"
        "input that shows it (FLATGRAD_DEBUG=1 in the environment adds a traceback)",
    )


def _show_traceback() -> None:
    if os.environ.get("FLATGRAD_DEBUG") == "1":
        import traceback

        traceback.print_exc()


def _checked(parse: Callable[[Any], Parsed]) -> Callable[..., Parsed]:
    """An option's callback: what the parser does not accept is wrong usage."""

    def callback(
        context: click.Context, parameter: click.Parameter, value: Any
    ) -> Parsed:
        try:
            return parse(value)
        except ValueError as error:
            raise click.BadParameter(str(error), context, parameter) from None

    return callback


Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]


def _shapes(told: str) -> Decorator:
    shape = _checked(parse_shapes)
    return click.option(
        "--shape", "shapes", metavar="x=N,D", multiple=True, callback=shape, help=told
    )


def _wrt(told: str) -> Decorator:
    names = _checked(parse_wrt)
    return click.option(
        "--wrt", metavar="x,W", multiple=True, callback=names, help=told
    )


def _rules(told: str) -> Decorator:
    return click.option("--rules", metavar="FILE", multiple=True, help=told)


def _parse_emit(text: str) -> str:
    if text not in EMITS:
        raise ValueError(f"{text!r} is not one of {', '.join(EMITS)}")
    return text


def _parse_style(text: str) -> str:
    if text not in STYLES:
        raise ValueError(f"{text!r} is not one of {', '.join(STYLES)}")
    return text


def _parse_values(texts: Sequence[str]) -> Any:
    from flatgrad.checking.inputs import written_values

    return written_values(texts)


def _parse_against(text: str | None) -> tuple[str, str] | None:
    if text is None:
        return None
    file, colon, name = text.rpartition(":")
    parts = name.split(".")
    if not colon or not file or not all(part.isidentifier() for part in parts):
        raise ValueError(f"{text!r} is not a function of a file; write layers.py:NAME")
    return file, name


def _show_version(context: click.Context, _: click.Parameter, asked: bool) -> None:
    if asked:
        click.echo(f"flatgrad {_version()}")
        context.exit()


def _version() -> str:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("flatgrad")
    except PackageNotFoundError:
        return "(a checkout that is not installed)"


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("file")
@click.option(
    "--function",
    "functions",
    metavar="NAME",
    multiple=True,
    help="Only this function, or this method: Net.loss; may be repeated.  [default:"
    " every public top-level function that no other function of the file calls]",
)
@_wrt(
    "With respect to these parameters; of a method, to attributes too:"
    " self.params.  [default: every one that can carry a gradient]"
)
@click.option(
    "--emit",
    metavar="|".join(EMITS),
    default="grad",
    show_default=True,
    callback=_checked(_parse_emit),
    help="grad: one function that gives value and gradients; pair: a forward and a"
    " backward function.",
)
@click.option(
    "--style",
    metavar="|".join(STYLES),
    default="flat",
    show_default=True,
    callback=_checked(_parse_style),
    help="How a course or a library has it; docs/styles.md shows each.",
)
@click.option(
    "--names",
    metavar="PREFIX",
    default="grad_",
    show_default=True,
    callback=_checked(parse_names),
    help="Prefix of derivative names.",
)
@_shapes("The shape of a parameter, x= for a scalar; may be repeated.")
@click.option(
    "--no-comments",
    is_flag=True,
    help="Leave out the forward line above each group of backward lines.",
)
@click.option(
    "--inline",
    is_flag=True,
    help="Read helpers with branches or loops in place; by default each becomes a"
    " forward and a backward function.",
)
@_rules(
    "Read derivative rules for functions of libraries from this file; may be"
    " repeated."
)
@click.option(
    "--with-check",
    is_flag=True,
    help="With --style cs231n: print a gradient check below, which runs with the file.",
)
@click.option("-o", "out", metavar="OUT", help="Write to this file, all or nothing.")
@click.option("--diff", is_flag=True, help="Show what would change in OUT instead.")
@click.option("--check", is_flag=True, help="Exit with 1 if OUT is stale instead.")
@click.option(
    "--version",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_show_version,
    help="Show the version and exit.",
)
def command(
    file: str,
    functions: tuple[str, ...],
    wrt: tuple[str, ...],
    emit: str,
    style: str,
    names: str,
    shapes: dict[str, tuple[str | int, ...]],
    no_comments: bool,
    inline: bool,
    rules: tuple[str, ...],
    with_check: bool,
    out: str | None,
    diff: bool,
    check: bool,
) -> None:
    """Write the gradients of the functions in FILE as Python source text.

    FILE is a Python file, or - for standard input. It is read, never run.

    `flatgrad ops` shows the operations that have a derivative,
    `flatgrad check FILE` checks a gradient at a point, `flatgrad fill FILE` fills
    in empty backward functions; a file of such a name is ./ops.
    """
    _reject_contradictions(file, out, diff, check)
    if style != "flat" and emit != "grad":
        raise click.UsageError("--style and --emit exclude each other.")
    if with_check and style != "cs231n":
        raise click.UsageError("--with-check needs --style cs231n.")
    files = tuple(map(_rules_in, rules))
    with reported(shown_name(file)):
        options = Options(
            functions,
            wrt,
            emit,
            names,
            shapes,
            not no_comments,
            shown_name(file),
            inline,
            files,
            style,
        )
        source = read_source(file)
    emitted = _transformed(source, options, with_check)
    if out is None or out == STANDARD_STREAM:
        _print(emitted)
    elif check:
        _check(out, emitted, source.filename)
    elif diff:
        with reported(out):
            old = existing_text(out)
        _show_difference(out, emitted, old)
    else:
        _write(out, emitted)


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--csv",
    "as_table",
    is_flag=True,
    help="A row for each function of each library: namespace, function, and whether a"
    " gradient goes through it, in reverse and in forward mode (yes, no, or constant"
    " for the derivative zero).",
)
def operations(as_table: bool) -> None:
    """Show the operations that flatgrad knows, with their derivatives."""
    with reported("flatgrad"):
        from flatgrad.coverage import table
        from flatgrad.operations import page

        text = table() if as_table else page()
    _print(text)


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("file")
@click.option(
    "--function", metavar="NAME", help="The function.  [default: the only one]"
)
@click.option(
    "--at",
    "written",
    metavar="x=EXPRESSION",
    multiple=True,
    callback=_checked(_parse_values),
    help="The value of a parameter, in numpy's names: x=randn(3,4); may be repeated,"
    " or hold several with a semicolon between them.  [default: random numbers where"
    " the shape is known]",
)
@click.option(
    "--seed",
    type=click.IntRange(0, 2**32 - 10),
    default=0,
    show_default=True,
    help="Of all random numbers.",
)
@click.option(
    "--against",
    metavar="OTHER.py:NAME",
    callback=_checked(_parse_against),
    help="Check this backward function, of your own, and not flatgrad's.",
)
@click.option(
    "--tolerance",
    type=click.FloatRange(min=0, min_open=True),
    default=1e-6,
    show_default=True,
    help="How far an entry may be off, of its size.",
)
@_wrt("With respect to these parameters.")
@_shapes("The shape of a parameter, as for flatgrad FILE.")
@_rules("Derivative rules of your own.")
def check(
    file: str,
    function: str | None,
    written: Any,
    seed: int,
    against: tuple[str, str] | None,
    tolerance: float,
    wrt: tuple[str, ...],
    shapes: dict[str, tuple[str | int, ...]],
    rules: tuple[str, ...],
) -> int:
    """Compare the gradient of a function in FILE with differences, at a point.

    FILE is run, as is the file of --against. Exit status 0 if all is well, else 1.
    """
    files = tuple(map(_rules_in, rules))
    with reported(shown_name(file)):
        source = read_source(file)
        functions = (function,) if function else ()
        options = Options(
            functions, wrt, shapes=shapes, filename=source.filename, rules=files
        )
    other = None if against is None else (*_rules_in(against[0]), against[1])
    with reported(source.filename, source.text):
        from flatgrad.checking import Request, report

        found = report(
            Request(
                source.filename, source.text, options, written, seed, tolerance, other
            )
        )
    _print(found.text)
    return 0 if found.passes else 1


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("file")
@click.option(
    "--function",
    "functions",
    metavar="NAME",
    multiple=True,
    help="Only this backward function; may be repeated.  [default: every empty one]",
)
@_shapes("The shape of a parameter of the forward, as for flatgrad FILE.")
@_rules("Derivative rules of your own.")
@click.option("-o", "out", metavar="OUT", help="Write to this file instead of FILE.")
@click.option("--diff", is_flag=True, help="Show what would change instead.")
@click.option(
    "--with-check",
    is_flag=True,
    help="Write NAME_check.py beside it: gradient checks as courses have them.",
)
def fill(
    file: str,
    functions: tuple[str, ...],
    shapes: dict[str, tuple[str | int, ...]],
    rules: tuple[str, ...],
    out: str | None,
    diff: bool,
    with_check: bool,
) -> None:
    """Fill in the empty NAME_backward functions of FILE, each from its NAME_forward.

    What is empty is a `pass`, a `raise NotImplementedError`, results that are None.
    Everything else in FILE stays as it is, byte for byte.
    """
    files = tuple(map(_rules_in, rules))
    with reported(shown_name(file)):
        source = read_source(file)
        options = Options(
            functions, names="d", shapes=shapes, filename=source.filename, rules=files
        )
    target = file if out is None else out
    with reported(source.filename, source.text):
        from flatgrad.filling.command import plan

        planned, report = plan(source, options, target, with_check)
    for one in planned:
        if diff:
            _show_difference(one.path, one.new, one.old)
        elif one.path == STANDARD_STREAM:
            _print(one.new)
        else:
            with reported(one.path):
                write_bytes_atomically(one.path, one.data)
    if not diff:
        click.echo(report, nl=False, err=target == STANDARD_STREAM)


SUBCOMMANDS = {"ops": operations, "check": check, "fill": fill}


def _reject_contradictions(file: str, out: str | None, diff: bool, check: bool) -> None:
    if diff and check:
        raise click.UsageError("--diff and --check exclude each other.")
    if (diff or check) and out in (None, STANDARD_STREAM):
        raise click.UsageError("--diff and --check need -o OUT to compare with.")
    if out is not None and _is_same_file(file, out):
        raise click.UsageError("OUT is FILE itself, which would be overwritten.")


def _rules_in(file: str) -> tuple[str, str]:
    with reported(shown_name(file)):
        return shown_name(file), read_source(file).text


def _is_same_file(one: str, other: str) -> bool:
    try:
        return os.path.samefile(one, other)
    except OSError:
        return False


def _transformed(source: Source, options: Options, with_check: bool) -> str:
    with reported(source.filename, source.text):
        from flatgrad.pipeline import transform

        text = transform(source.text, options)
        if with_check:
            from flatgrad.filling.check_text import with_checks

            text = with_checks(text, options)
        return with_newlines(text, source.newline)


def _print(text: str) -> None:
    try:
        with reported("<stdout>"):
            write_standard_output(text)
    except BrokenPipeError:
        raise click.exceptions.Exit(READER_GONE) from None


def _check(out: str, emitted: str, filename: str) -> None:
    with reported(out):
        existing = existing_text(out)
        if existing != emitted:
            raise FlatgradError(_stale(existing is None, filename))


def _stale(is_missing: bool, filename: str) -> Diagnostic:
    return Diagnostic(
        "FG009",
        "does not exist" if is_missing else f"is not what {filename} gives now",
        "run the same command without --check to write it",
    )


def _show_difference(out: str, emitted: str, old: str | None) -> None:
    with reported(out):
        text = difference(out, old, emitted)
    _print(text)


def _write(out: str, emitted: str) -> None:
    with reported(out):
        write_atomically(out, emitted)
