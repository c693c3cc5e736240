"""``python -m sklearn_spx.cli`` is ``sklearn-spx``."""

from . import main

if __name__ == "__main__":
    main(prog_name="sklearn-spx")
