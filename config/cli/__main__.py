"""`python -m config.cli` is `cohortwatch`."""

from config.cli import main

main()
