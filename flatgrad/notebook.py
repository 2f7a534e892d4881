"""%%flatgrad and %flatgrad: a cell of a notebook -> the gradients of its functions, printed and defined.

The shell is IPython's, in a terminal or in Jupyter. Nothing of IPython is imported: the shell is handed over.
"""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import click

from flatgrad.cli import Refusal, command, reported
from flatgrad.errors import FlatgradError
from flatgrad.interface.definitions import Definition, made_of, text_of
from flatgrad.interface.refusing import refusal
from flatgrad.options import Options

MAGIC = "flatgrad"
# Of the options of the command line, those that do not speak of files.
CHOICES = {"functions", "wrt", "emit", "style", "names", "shapes", "no_comments", "inline"}  # fmt: skip
LINE = click.Command(
    MAGIC,
    params=[
        click.Argument(["asked"], nargs=-1, metavar="[NAME]..."),
        *(p for p in command.params if p.name in CHOICES),
    ],
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Print the gradients of functions of the notebook as Python source text.\n\n"
    "%%flatgrad, as the first line of a cell, runs the cell and then prints and defines the gradients of the functions"
    " in it; %flatgrad NAME prints the gradient of a function that is there already.",
)


def load(shell: Any) -> None:
    """Give a shell the magics."""
    shell.register_magic_function(Magics(shell).flatgrad, "line_cell", MAGIC)


def unload(shell: Any) -> None:
    for kind in ("line", "cell"):
        shell.magics_manager.magics[kind].pop(MAGIC, None)


@dataclass(frozen=True)
class Asked:
    """What stands in the line of a magic."""

    names: tuple[str, ...]
    options: Options


class Magics:
    """The magics of one shell."""

    def __init__(self, shell: Any) -> None:
        self.shell = shell

    def flatgrad(self, line: str, cell: str | None = None) -> None:
        """Print the gradients of functions of this notebook as source text.

        %%flatgrad [options]      run the cell, then print and define the gradients of the functions in it
        %flatgrad NAME [options]  print the gradient of a function that is there already

        The options are those of the command line: --wrt x,W  --emit grad|pair|jvp  --style STYLE  --function NAME
        --names PREFIX  --shape x=N,D  --no-comments  --inline. %flatgrad --help tells what they mean.
        """
        with self._shown():
            asked = _asked(line)
            if asked is None:
                return
            if cell is not None:
                self._cell(asked, cell)
            elif asked.names:
                print(self._text(asked.names, asked.options), end="")
            else:
                raise click.UsageError("%flatgrad takes the name of a function.")

    def _cell(self, asked: Asked, cell: str) -> None:
        if not self.shell.run_cell(cell).success:
            raise click.ClickException("The cell failed, so it has no gradient.")
        names = asked.names or _public_functions(self.shell.transform_cell(cell))
        self._forget(names)
        text = self._text(names, asked.options) if len(names) > 1 else ""
        space = self.shell.user_ns
        made = [Definition(name, asked.options, space) for name in names]
        print(text or made[0].shown, end="")
        for definition in made:
            self.shell.push(definition.exported)

    def _text(self, names: Sequence[str], options: Options) -> str:
        if len(names) > 1:
            return text_of(names, options, self.shell.user_ns)
        return Definition(names[0], options, self.shell.user_ns).shown

    def _forget(self, names: Sequence[str]) -> None:
        """What was defined for functions of these names: if they are refused now, it is not there any more."""
        space = self.shell.user_ns
        for old in [n for n, value in space.items() if made_of(value) in names]:
            if old not in names:
                del space[old]

    @contextmanager
    def _shown(self) -> Iterator[None]:
        """What goes wrong is shown as the command line shows it."""
        try:
            with reported("the notebook"):
                try:
                    yield
                except FlatgradError as error:
                    if not error.rendered:
                        raise
                    raise Refusal(self._with_cells(str(error))) from None
        except click.UsageError as error:
            raise Shown(f"{LINE.name}: {error.format_message()}") from None
        except click.ClickException as error:
            raise Shown(error.format_message()) from None

    def _with_cells(self, text: str) -> str:
        """cell:2:5: FG201 ..., where the code of a cell has the name of a file that nobody knows."""
        return re.sub(HEADLINE, lambda match: self._label(match[0]), text)

    def _label(self, name: str) -> str:
        for filename in (name, os.path.join(os.getcwd(), name)):
            if self.shell.compile.format_code_name(filename) is not None:
                return "cell"
        return name


HEADLINE = re.compile(r"^\S.*?(?=(?::\d+:\d+)?: FG\d{3} )", re.MULTILINE)


class Shown(Exception):
    """A refusal on its way to the notebook, which shows it without a traceback, and runs no cell after it."""

    def _render_traceback_(self) -> list[str]:
        return [str(self)]


def _asked(line: str) -> Asked | None:
    """None where the line asks for help, which was printed then."""
    try:
        words = shlex.split(line)
    except ValueError as error:
        raise click.UsageError(f"{error}".capitalize() + ".") from None
    try:
        given = dict(LINE.make_context(MAGIC, words).params)
    except click.exceptions.Exit:
        return None
    names = (*given.pop("asked"), *given.pop("functions"))
    if given["style"] != "flat" and given["emit"] != "grad":
        raise click.UsageError("--style and --emit exclude each other.")
    comments = not given.pop("no_comments")
    return Asked(names, Options(comments=comments, **given))


def _public_functions(text: str) -> tuple[str, ...]:
    """Those of a cell that no other function of the cell calls."""
    from flatgrad.frontend.module import main_functions, read_module

    names = main_functions(read_module(text))
    if not names:
        step = "write one, or name a function of another cell"
        raise refusal("FG504", "there is no public function in the cell", step)
    return tuple(names)


__all__ = ["load", "unload"]
