"""The errors a user can cause: one line that says which file, what is wrong and what to do."""


class FieldguideError(Exception):
    """Something the user can mend. The command line prints its text and ends with exit code 2."""


class RecordsError(FieldguideError):
    """A gallery or a list of queries that cannot be used as it stands."""


class BackboneError(FieldguideError):
    """A backbone or engine that is unknown or not installed."""


class AnswersError(FieldguideError):
    """Answers that cannot be written or read in the format that was chosen."""
