"""`python -m bot.playground.idp ensure`: fetch what the identity provider needs, and say where."""

from __future__ import annotations

import argparse
import sys

from bot.playground.idp.install import PackagesMissingError, ensure


def main() -> int:
    """Run the one command; 0 when the packages are there, 1 when they cannot be had."""
    parser = argparse.ArgumentParser(prog="python -m bot.playground.idp", description=__doc__)
    parser.add_argument("command", choices=["ensure"])
    parser.parse_args()
    try:
        print(ensure(lambda line: print(line, file=sys.stderr, flush=True)))
    except PackagesMissingError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
