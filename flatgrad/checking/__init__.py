"""A file and a point -> whether a gradient agrees with differences there. This command runs the user's code."""

import numpy as np

from flatgrad.checking.against import check_against
from flatgrad.checking.command import check
from flatgrad.checking.request import Report, Request

__all__ = ["Report", "Request", "report"]


def report(request: Request) -> Report:
    """The report on the emitted gradient, or on the one that it is to be compared with."""
    with np.errstate(all="ignore"):
        return check(request) if request.against is None else check_against(request)
