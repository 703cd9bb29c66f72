"""`python -m passkeep` is the command line."""

from passkeep.cli import main

main()
