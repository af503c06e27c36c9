"""What is the whole process's, kept as it was while libraries are imported or work that change it."""

import logging
import os
import random
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def left_as_found() -> Iterator[None]:
    """Put back Python's global random numbers and the class of new loggers after the block, errors or not.

    scikit-learn draws a number when it is imported, by way of its progress bars; NNCF draws and takes the loggers.
    """
    random_state, logger = random.getstate(), logging.getLoggerClass()
    try:
        yield
    finally:
        random.setstate(random_state)
        logging.setLoggerClass(logger)


@contextmanager
def environment_left_as_found() -> Iterator[None]:
    """Put back the environment after the block. Not for imports: what a library sets there it may want to find."""
    environment = dict(os.environ)
    try:
        yield
    finally:
        for name in os.environ.keys() - environment.keys():
            del os.environ[name]
        os.environ.update(environment)
