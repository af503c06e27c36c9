"""fieldguide cache info, fieldguide cache prune."""

from typing import Annotated, Optional

import typer

cache = typer.Typer(no_args_is_help=True, help="Look at what is kept from run to run, or remove it.")


@cache.command()
def info() -> None:
    """Show what is kept, where, and how large it is."""
    from fieldguide.core.machine import cache_folder
    from fieldguide.embedding.cache.upkeep import entries_by_kind

    kinds = entries_by_kind()
    print(cache_folder())
    for kind, members in kinds.items():
        print(f"{_size(sum(one.size for one in members)):>10}  {kind}")
    print(f"{_size(sum(one.size for members in kinds.values() for one in members)):>10}  in all")


@cache.command()
def prune(
    older_than: Annotated[
        Optional[float],  # noqa: UP045  typer reads it
        typer.Option(help="Remove what was of no use for so many days.", min=0),
    ] = None,
    max_size: Annotated[
        Optional[float],  # noqa: UP045
        typer.Option(help="Remove what was longest of no use, until the rest is at most so many GB.", min=0),
    ] = None,
) -> None:
    """Remove embeddings and converted networks. What is needed again is made again.

    To remove all of it: fieldguide cache prune --max-size 0
    """
    from fieldguide.core.errors import FieldguideError
    from fieldguide.embedding.cache.upkeep import prune as remove

    if older_than is None and max_size is None:
        raise FieldguideError("nothing is removed without --older-than DAYS or --max-size GB")
    print(f"removed {_size(remove(unused_days=older_than, to_bytes=None if max_size is None else max_size * 1e9))}")


def _size(size: float) -> str:
    return f"{size / 1e9:,.1f} GB" if size >= 1e9 else f"{size / 1e6:,.1f} MB"
