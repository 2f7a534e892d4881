"""A file and a point -> whether a gradient agrees with differences there. The one command that runs the user's code."""
