"""Matchers by name. A new one is one file beside this one and one line in `_MATCHERS`."""

from collections.abc import Callable

from fieldguide.core.errors import FieldguideError
from fieldguide.core.extras import installed
from fieldguide.matching.matcher import Matcher
from fieldguide.matching.sift import Sift

_MATCHERS: dict[str, tuple[str, Callable[[], Matcher]]] = {"sift": ("cv2", Sift)}  # with the library that each needs


def matcher_names() -> list[str]:
    """Give the names of all matchers."""
    return list(_MATCHERS)


def can_match(name: str) -> bool:
    """Whether the library that a matcher needs is installed."""
    return installed(_MATCHERS[name][0])


def load_matcher(name: str) -> Matcher:
    """Give a matcher by its name.

    Raises
    ------
    FieldguideError : there is none of that name, or its library is not installed.
    """
    if name not in _MATCHERS:
        raise FieldguideError(f"unknown matcher '{name}': choose one of {', '.join(_MATCHERS)}")
    return _MATCHERS[name][1]()
