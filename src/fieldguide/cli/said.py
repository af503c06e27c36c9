"""What a run says of itself that is no complaint, printed as commands print what came of it."""

import logging
import sys
from typing import TextIO


class Said(logging.Handler):
    """Prints to standard output, unless that is where a result goes.

    Attributes
    ----------
    file : where to print instead; None for standard output
    """

    file: TextIO | None = None

    def emit(self, record: logging.LogRecord) -> None:
        """Print it, unless it is a complaint."""
        if record.levelno < logging.WARNING:
            print(record.getMessage(), file=self.file or sys.stdout, flush=True)


SAID = Said()
