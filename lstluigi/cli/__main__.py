"""`python -m lstluigi.cli`: the command where it is not on the path."""

from lstluigi.cli import main

main(prog_name="lstluigi")
