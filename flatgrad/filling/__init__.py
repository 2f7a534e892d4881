"""A file of layers with empty backward functions -> the same file with these filled in."""
