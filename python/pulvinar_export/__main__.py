"""`python -m pulvinar_export FOLDER`: compare an export with its reference vectors."""

import argparse
import sys

from .verify import verify


def main() -> int:
    parser = argparse.ArgumentParser(prog="pulvinar_export", description=__doc__)
    parser.add_argument("folder", help="an exported model")
    agreement = verify(parser.parse_args().folder)
    print(agreement)
    return int(agreement.flips > 0)


if __name__ == "__main__":
    sys.exit(main())
