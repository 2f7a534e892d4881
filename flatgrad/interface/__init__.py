"""A live Python function -> functions that compute its derivatives, generated when they are first called.

`code_text` finds the text of a function, `subjects` that of everything it reads, `arguments` what a call tells of
shapes, `generated` makes functions of emitted text, and `derivatives` puts them together.
"""
