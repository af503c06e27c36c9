"""What is logged below a warning, printed as commands print what came of a run."""

import logging
import sys
from typing import TextIO


class Said(logging.Handler):
    """Prints log records below a warning to standard output, unless that is where a result goes.

    Attributes
    ----------
    file : where to print instead; None for standard output
    """

    file: TextIO | None = None

    def emit(self, record: logging.LogRecord) -> None:
        """Print a record, unless it is a warning or worse."""
        if record.levelno < logging.WARNING:
            print(record.getMessage(), file=self.file or sys.stdout, flush=True)


SAID = Said()
