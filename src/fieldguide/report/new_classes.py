"""New classes in words."""

from collections.abc import Sequence

from fieldguide.discovery import NumberOfClasses


def sizes_in_words(sizes: Sequence[int]) -> str:
    """Say how many groups there are, of how many pictures, and how many pictures are alone.

    Parameters
    ----------
    sizes : of all groups, singles too, the largest first
    """
    groups = [size for size in sizes if size > 1]
    alone = len(sizes) - len(groups)
    single = f"{alone:,} {'picture is' if alone == 1 else 'pictures are'} alone"
    if not groups:
        return f"no group; {single}"
    number = f"{len(groups):,} {'group' if len(groups) == 1 else 'groups'}"
    said = f"{number} of {sum(groups):,} pictures, the largest of {groups[0]:,}"
    return f"{said}; {single}" if alone else said


def new_classes_in_words(number: NumberOfClasses | None, sizes: Sequence[int]) -> list[str]:
    """Say in a line what was found of new classes; in none where nothing was."""
    if not sizes:
        return []
    return [f"new classes: {f'{number}; ' if number else ''}{sizes_in_words(sizes)}"]
