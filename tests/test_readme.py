"""What the README shows is what happens: each shown command is run, and its block compared.

A block of the README stands under a marker. `<!-- $ flatgrad x.py -->` says which command printed the block,
`<!-- file: x.py -->` that the block is a file for later commands; --update rewrites what was printed.
"""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
README = ROOT / "README.md"
BLOCK = re.compile(r"(<!-- (\$|file:) (.+?) -->\n```\w*\n)(.*?)(```\n)", re.DOTALL)
INSTALLS_AND_TESTS = re.compile(r"(?m)^\s*(?:\$ )?(?:python -m )?pip install .*pytest")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder in which the README's commands work."""
    folder = tmp_path_factory.mktemp("readme")
    shutil.copytree(ROOT / "samples", folder / "samples")
    for _, kind, name, text, _ in BLOCK.findall(README.read_text(encoding="utf-8")):
        if kind == "file:":
            (folder / name).write_text(text, encoding="utf-8")
    return folder


def printed(command: str, folder: Path) -> str:
    """What a command of the README prints, on standard output and standard error."""
    match command.split():
        case ["cat", name]:
            return (folder / name).read_text(encoding="utf-8")
        case ["flatgrad" | "python" as program, *arguments]:
            start = ["-m", "flatgrad"] if program == "flatgrad" else []
            run = [sys.executable, *start, *arguments]
            done = subprocess.run(
                run, cwd=folder, capture_output=True, encoding="utf-8", check=False
            )
            assert "FG999" not in done.stderr, done.stderr
            return done.stdout + done.stderr
        case _:
            raise ValueError(f"not a command for a README: {command}")


def test_every_shown_output_is_what_is_printed(folder, golden):
    def shown(block: re.Match[str]) -> str:
        start, kind, command, text, end = block.groups()
        return start + (printed(command, folder) if kind == "$" else text) + end

    golden(README, BLOCK.sub(shown, README.read_text(encoding="utf-8")))


def test_the_first_input_is_the_sample_that_the_first_command_prints():
    text = README.read_text(encoding="utf-8")
    first, second = (command for _, _, command, _, _ in BLOCK.findall(text)[:2])
    assert (first, second) == ("cat samples/neuron.py", "flatgrad samples/neuron.py")
    assert f"pip install . && {second}" in text


def test_one_line_installs_and_tests():
    assert len(INSTALLS_AND_TESTS.findall(README.read_text(encoding="utf-8"))) == 1


def test_every_option_is_mentioned():
    shown = printed("flatgrad --help", ROOT)
    text = README.read_text(encoding="utf-8")
    options = set(re.findall(r"--[a-z-]+", shown)) - {"--help", "--version"}
    assert {o for o in options if o not in text} == set()
