"""The Python interface: functions over functions. docs/decisions/python-interface.md has the reasons."""
from __future__ import annotations
from typing import Any
from flatgrad.interface.derivatives import Gradient, Pullback, Pushforward
from flatgrad.interface.second import *
from flatgrad.interface.texts import grad_source
from flatgrad.interface.differentiable import Differentiable

def grad(f, wrt=None, *, has_aux=False, compile=None, shapes=None): return Gradient(f, wrt, has_aux=has_aux, compile=compile, shapes=shapes)
def value_and_grad(f, wrt=None, *, has_aux=False, compile=None, shapes=None): return Gradient(f, wrt, has_aux=has_aux, with_value=True, compile=compile, shapes=shapes)
def vjp(f, wrt=None, *, compile=None, shapes=None): return Pullback(f, wrt, compile=compile, shapes=shapes)
def jvp(f, wrt=None, *, compile=None, shapes=None): return Pushforward(f, wrt, compile=compile, shapes=shapes)
def hvp(f, wrt=None, *, compile=None, shapes=None): return HessianVector(f, wrt, compile=compile, shapes=shapes)
def hessian(f, wrt=None, *, compile=None, shapes=None): return Hessian(f, wrt, compile=compile, shapes=shapes)
def jacobian(f, wrt=None, *, mode=None, compile=None, shapes=None): return Jacobian(f, wrt, mode=mode, compile=compile, shapes=shapes)
def differentiable(f=None, wrt=None, **options):
    if f is None: return lambda f: Differentiable(f, wrt, **options)
    return Differentiable(f, wrt, **options)
