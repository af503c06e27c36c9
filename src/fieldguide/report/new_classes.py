"""New classes in words."""

from collections.abc import Sequence

from fieldguide.discovery import NewClass


def new_classes_in_words(new_classes: Sequence[NewClass]) -> str:
    """Say how many groups there are, of how many queries, and how many queries are alone."""
    groups = [one for one in new_classes if len(one) > 1]
    alone = len(new_classes) - len(groups)
    if not groups:
        return f"no groups; {alone:,} {'query is' if alone == 1 else 'queries are'} alone"
    number = f"{len(groups):,} {'group' if len(groups) == 1 else 'groups'}"
    said = f"{number} of {sum(map(len, groups)):,} queries, the largest of {len(groups[0]):,}"
    return said + (f"; {alone:,} {'query is' if alone == 1 else 'queries are'} alone" if alone else "")
