"""`python -m flatgrad` is the command line."""

from flatgrad.cli import main

if __name__ == "__main__":
    main()
