"""Filled stubs -> a Python file that compares each with differences, as courses do; it needs numpy alone."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from flatgrad.checking.inputs import Sizes
from flatgrad.errors import Diagnostic, FlatgradError
from flatgrad.filling.stubs import Left, Stub, functions_in, parameter_of
from flatgrad.frontend.hints import RESULT
from flatgrad.frontend.scope import Function
from flatgrad.graph import Lit, Var
from flatgrad.options import Options
from flatgrad.styles.homework import told_wrt
from flatgrad.types import Dim

HEAD = '''\
"""Compares the gradients of {module}.py with differences: python {file}"""

import numpy as np

from {module} import {names}


def rel_error(x, y):
    """The largest difference of two entries, relative to their size."""
    return np.max(np.abs(x - y) / np.maximum(1e-8, np.abs(x) + np.abs(y)))


def eval_numerical_gradient_array(f, x, df, h=1e-5):
    """The gradient of np.sum(f(x) * df) at x, by central differences."""
    gradient = np.zeros_like(x)
    for index in np.ndindex(*x.shape):
        kept = x[index]
        x[index] = kept + h
        above = f(x)
        x[index] = kept - h
        below = f(x)
        x[index] = kept
        gradient[index] = np.sum((above - below) * df) / (2 * h)
    return gradient
'''
ERRORS = "# Errors should be around 1e-8 or less."

# Lengths that fit together where a window of one moves over the other, by the names that they have everywhere.
USUAL = {"H": 6, "W": 5, "HH": 3, "WW": 2, "KH": 3, "KW": 2, "K": 3}
# Entries of dicts of settings, by their names.
SETTINGS = {"mode": "train", "stride": 1, "pad": 1, "eps": 1e-5, "momentum": 0.9, "p": 0.5}  # fmt: skip
OTHERWISE = 2


@dataclass(frozen=True)
class Checked:
    """A stub that was filled in, and its forward as it was read."""

    stub: Stub
    forward: Function
    gradients: Sequence[str]  # the parameters that its results belong to
    # The layer that is given a parameter, and how it calls this: it knows the shape, or reads the settings.
    given_to: Mapping[str, tuple[Function, str]]


def check_file(module: str, checked: Sequence[Checked]) -> str:
    """The file for the module of that name."""
    owners = {n.partition(".")[0] for c in checked for n in (c.stub.name, c.stub.forward)}  # fmt: skip
    head = HEAD.format(
        module=module, file=f"{module}_check.py", names=", ".join(sorted(owners))
    )
    parts = [head, *map(_check, checked), _main(checked)]
    return "\n\n".join(parts)


def checks_of(
    module: str, text: str, stubs: Sequence[Stub], options: Options
) -> tuple[str, list[Left]]:
    """The file that checks these stubs of a text, laid out, and those for which it has no check."""
    from flatgrad.emit.module import layout

    found = [(stub, _checked(text, stub, options)) for stub in stubs]
    checked = [c for _, c in found if isinstance(c, Checked)]
    left = [Left(s.name, s.node.lineno, c) for s, c in found if isinstance(c, str)]
    return layout(check_file(module, checked)) if checked else "", left


def _checked(text: str, stub: Stub, options: Options) -> Checked | str:
    """What a check needs, or why there can be none."""
    from flatgrad.pipeline import Transformation

    if (stub.is_loss and "." in stub.name) or (
        stub.node.args.args[:1] and stub.node.args.args[0].arg == "self"
    ):
        return "its object is yours to make"
    shapes = {f"{RESULT}[0]": ()} | {**options.shapes} if stub.is_loss else options.shapes  # fmt: skip
    asked = replace(options, functions=(stub.forward,), style="cache", shapes=shapes)
    forward, wrt = Transformation(text, asked).read("grad")
    if forward.module.library == "torch":
        return "checks are written with numpy; torch.autograd.gradcheck has one"
    gradients = gradients_of(stub, forward, wrt)
    if stub.is_loss and any(forward.params[p].type.kind == "dict" and not items_of(forward, p) for p in gradients):  # fmt: skip
        return "which arrays its dict holds, nothing tells"
    if stub.is_loss and len(gradients) != len(stub.results or ()):
        return "which gradient is which, its return does not tell"
    return Checked(stub, forward, gradients, _given_to(text, forward, asked))


def _given_to(
    text: str, forward: Function, options: Options
) -> dict[str, tuple[Function, str]]:
    """Of parameters of which the function itself says nothing, the layer of the file that they are handed to."""
    from flatgrad.pipeline import Transformation

    found: dict[str, tuple[Function, str]] = {}
    functions = dict(functions_in(ast.parse(text)))
    for call in ast.walk(functions.get(forward.name, ast.Module([], []))):
        name = ast.unparse(call.func) if isinstance(call, ast.Call) else ""
        if name not in functions or name == forward.name:
            continue
        asked = replace(options, functions=(name,), shapes={})
        try:
            layer, _ = Transformation(text, asked).read("grad")
        except FlatgradError:  # of which nothing is known then
            continue
        deeper = _given_to(text, layer, asked)
        assert isinstance(call, ast.Call)
        for argument, param in zip(call.args, layer.params, strict=False):
            if isinstance(argument, ast.Name) and argument.id in forward.params:
                found.setdefault(argument.id, deeper.get(param, (layer, param)))
    return found


def _main(checked: Sequence[Checked]) -> str:
    calls = "".join(f"    {_name(c)}()\n" for c in checked)
    return f'if __name__ == "__main__":\n    {ERRORS}\n{calls}'


def _name(checked: Checked) -> str:
    return f"check_{checked.stub.name.replace('.', '_')}"


def _check(checked: Checked) -> str:
    """def check_affine_backward(): the inputs, the two gradients, and how far they are apart"""
    if checked.stub.is_loss:
        return _check_of_loss(checked)
    stub, forward = checked.stub, checked.forward
    douts = stub.parameters[:-1]
    numbers = range(1, len(douts) + 1) if len(douts) > 1 else [""]
    outs, runs = [f"out{n}" for n in numbers], [f"forward{n}" for n in numbers]
    call = f"{stub.forward}({', '.join(_parameters(forward))})"
    results = [f"d{p}" for p in checked.gradients]
    lines = [
        "np.random.seed(0)",
        *_inputs(checked),
        f"{', '.join([*outs, 'cache'])} = {call}",
        *(f"{d} = np.random.randn(*np.shape({o}))" for d, o in zip(douts, outs, strict=True)),
        f"{', '.join(results)} = {stub.name}({', '.join([*douts, 'cache'])})",
        "",
        *(line for i, run in enumerate(runs) for line in _run(run, call, i)),
        f'print("{stub.name}")',
        *(line for p, r in zip(checked.gradients, results, strict=True) for line in _comparison(p, r, runs, douts)),
    ]  # fmt: skip
    body = "\n".join(f"    {line}" if line else "" for line in lines)
    return f"def {_name(checked)}():\n{body}\n"


def _check_of_loss(checked: Checked) -> str:
    """def check_softmax_loss(): its gradients beside differences of the loss itself"""
    stub, forward = checked.stub, checked.forward
    call = f"{stub.forward}({', '.join(_parameters(forward))})"
    dicts = {p for p in checked.gradients if forward.params[p].type.kind == "dict"}
    results = ["grads" if p in dicts else f"d{p}" for p in checked.gradients]
    pairs = [*zip(checked.gradients, results, strict=True)]
    lines = [
        "np.random.seed(0)",
        *_inputs(checked),
        f"_, {', '.join(results)} = {call}",
        "",
        *_run("forward", call, 0),
        f'print("{stub.name}")',
        *(line for p, r in pairs if p not in dicts for line in _comparison(p, r, ["forward"], ["1.0"])),
        *(line for p in dicts for line in _comparisons(p)),
    ]  # fmt: skip
    body = "\n".join(f"    {line}" if line else "" for line in lines)
    return f"def {_name(checked)}():\n{body}\n"


def _comparisons(name: str) -> list[str]:
    """Of each array of a dict."""
    return [
        f"for name, value in {name}.items():",
        "    numerical = eval_numerical_gradient_array(forward, value, 1.0)",
        '    print(f"  {name} error:", rel_error(grads[name], numerical))',
    ]


def items_of(forward: Function, name: str) -> dict[str, Var]:
    """The arrays that a function reads from a dict, by their keys; none where a shape is not known."""
    held, found = forward.params[name], dict[str, Var]()
    for eqn in forward.block.eqns:
        if eqn.op == "getitem" and eqn.args[0] is held:
            key = eqn.args[1]
            if not isinstance(key, Lit) or eqn.out.type.shape.dims is None:
                return {}
            found[str(key.value)] = eqn.out
    return found


def _run(name: str, call: str, position: int) -> list[str]:
    """The output as a function of an input that is changed where it stands."""
    return [f"def {name}(_):", f"    return {call}[{position}]", ""]


def _comparison(
    name: str, result: str, runs: Sequence[str], douts: Sequence[str]
) -> Iterator[str]:
    for number, (run, dout) in enumerate(zip(runs, douts, strict=True)):
        sign = "+=" if number else "="
        yield f"{result}_num {sign} eval_numerical_gradient_array({run}, {name}, {dout})"
    yield f'print("  {result} error:", rel_error({result}, {result}_num))'


def _parameters(forward: Function) -> list[str]:
    """Those without a default, and y=None: a loss is what there is where labels are given."""
    params = forward.node.params
    every = (*params.posonly_params, *params.params)
    return [p.name.value for p in every if p.default is None or forward.module.code(p.default) == "None"]  # fmt: skip


def _inputs(checked: Checked) -> Iterator[str]:
    """A line for each parameter that needs a value."""
    sizes, forward = Sizes({}, USUAL), checked.forward
    unknown = any(
        forward.params[n].type.shape.dims is None for n in _parameters(forward)
    )
    for name in _parameters(forward):
        var, function, inner = forward.params[name], forward, name
        if unknown and name in checked.given_to:
            function, inner = checked.given_to[name]
            var = function.params[inner]
        items = items_of(forward, name) if var.type.kind == "dict" else {}
        if items and checked.stub.is_loss and name in checked.gradients:
            told = (f'"{k}": {_drawn(forward, v, sizes)}' for k, v in items.items())
            yield f"{name} = {{{', '.join(told)}}}"
        elif var.type.kind == "dict":
            text = ast.parse(function.module.code(function.node).strip())
            yield f"{name} = {_settings(inner, text)!r}"
        elif var.type.kind == "str":
            yield f"{name} = 'train'"
        else:
            yield f"{name} = {_drawn(function, var, sizes)}"


def _drawn(forward: Function, var: Var, sizes: Sizes) -> str:
    dims = var.type.shape.dims
    known = dims if dims is not None else _reshaped(forward, var)
    lengths = (4, 5) if known is None else tuple(map(sizes.length, known))
    if var in forward.labels or var.type.kind in ("int", "bool"):
        return f"np.random.randint(2, size={lengths})"
    return f"np.random.randn({', '.join(map(str, lengths))})"


def _reshaped(forward: Function, var: Var) -> Sequence[Dim] | None:
    """An array of any rank that is made a matrix may be that matrix."""
    for eqn in forward.block.eqns:
        if eqn.op == "reshape" and eqn.args[0] is var:
            return eqn.out.type.shape.dims
    return None


def _settings(name: str, text: ast.Module) -> dict[str, Any]:
    """What the function reads of a dict, and what it asks for with `in`."""
    keys: dict[str, None] = {}
    for node in ast.walk(text):
        match node:
            case ast.Subscript(value=ast.Name(id=read), slice=ast.Constant(value=str(key)), ctx=ast.Load()) if read == name:  # fmt: skip
                keys[key] = None
            case ast.Compare(left=ast.Constant(value=str(key)), ops=[ast.In()], comparators=[ast.Name(id=read)]) if read == name:  # fmt: skip
                keys[key] = None
    return {key: SETTINGS.get(key, OTHERWISE) for key in keys}


def gradients_of(stub: Stub, forward: Function, wrt: Sequence[str]) -> Sequence[str]:
    """The parameters that the results of a stub belong to."""
    if stub.results is None:
        return wrt
    if stub.is_loss:
        told = [p for r in stub.results if (p := parameter_of(r, [*forward.params]))]
        if len(told) == len(stub.results):
            return told
        return told_wrt(forward.node) or _dict_of(forward)
    found = [parameter_of(r, [*forward.params]) for r in stub.results if r]
    named = [p for p in found if p]
    return named if len(named) == len(found) else wrt


def _dict_of(forward: Function) -> Sequence[str]:
    """The dict of parameters that a dict of gradients belongs to."""
    dicts = [n for n, p in forward.params.items() if p.type.kind == "dict"]
    return ["params"] if "params" in dicts else dicts if len(dicts) == 1 else []


# --- in the file itself --------------------------------------------------------------------------------------------


def with_checks(emitted: str, options: Options) -> str:
    """What --style cs231n prints, with checks of it below that run when the file is run."""
    from flatgrad.emit.module import layout

    stubs = [*_printed(ast.parse(emitted))]
    found = [
        _checked(emitted, stub, replace(options, wrt=(), shapes={})) for stub in stubs
    ]
    checked = [c for c in found if isinstance(c, Checked)]
    if not checked:
        why = next(
            (c for c in found if isinstance(c, str)), "there is no layer or loss"
        )
        step = "leave out --with-check, or try flatgrad check"
        raise FlatgradError(
            Diagnostic("FG803", f"there is nothing to check: {why}", step)
        )
    _, _, tools = HEAD.partition("\nimport numpy as np\n")
    _, _, tools = tools.partition("import {names}\n")
    main = _main(checked).split("\n", 1)[1]
    parts = ["import numpy as np", tools, *map(_check, checked)]
    lines = [f"    {line}" if line else "" for line in "\n\n".join(parts).split("\n")]
    body = "\n".join(["", "", 'if __name__ == "__main__":', *lines, "", main])
    return layout(emitted + body)


def _printed(tree: ast.Module) -> Iterator[Stub]:
    """The pairs and losses of a module that --style cs231n prints."""
    functions = dict(functions_in(tree))
    for name, node in functions.items():
        forward, last = name.replace("backward", "forward"), node.body[-1]
        match last:
            case ast.Return(value=value) if forward != name and forward in functions:
                yield Stub(name, forward, node, 0, 0, _result_names(value))
            case ast.Return(value=ast.Tuple(elts=[_, *results])) if (
                "forward" not in name
            ):
                told = _result_names(ast.Tuple(results))
                yield Stub(name, name, node, 0, 0, told, is_loss=True)
            case _:
                pass


def _result_names(value: ast.expr | None) -> tuple[str, ...]:
    items = value.elts if isinstance(value, ast.Tuple) else [value]
    return tuple(i.id if isinstance(i, ast.Name) else "" for i in items)


__all__ = ["Checked", "check_file", "checks_of", "with_checks"]
