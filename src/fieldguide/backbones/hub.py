"""Finds checkpoints: in a folder, in the Hugging Face cache, or on the hub, from where they are downloaded.

Pickles, which run whatever code they hold, are not even downloaded.
"""

import json
import re
from collections.abc import Sequence
from pathlib import Path

from fieldguide.core.errors import BackboneError
from fieldguide.core.extras import require

NAME = re.compile(r"(?P<repository>\w[\w.-]*/\w[\w.-]*)(@(?P<revision>[\w./-]+))?")
CONFIGURATION = "config.json", "preprocessor_config.json", "processor_config.json", "model.safetensors.index.json"
FILES = *CONFIGURATION, "model.safetensors", "model-*-of-*.safetensors"

# Where `main` has only a pickle: the revision that holds the same weights as safetensors
REVISIONS = {"openai/clip-vit-base-patch32": "refs/pr/15"}


def find(name: str, *choices: Sequence[str], kind: str = "huggingface") -> Path:
    """Give the folder of a checkpoint: `name` if it is one, else the hub's OWNER/NAME or OWNER/NAME@REVISION.

    What is in the cache is used as it is, without a request to the hub; the rest is downloaded.

    Parameters
    ----------
    choices : patterns of the files that are needed; several sets of them, best first, if any of these will do
    kind : of backbone, which is also the one of fieldguide's extras that brings the package for the download

    Raises
    ------
    BackboneError : it is not here and cannot be had; the text says how to fetch it elsewhere.
    """
    if Path(name).is_dir():
        return Path(name)
    for files in choices or [FILES]:
        if found := cached(name, files):
            return found
    for files in choices or [FILES]:
        folder = _download(name, files, kind)
        if _has_weights(folder, files):
            break
    return folder


def cached(name: str, files: Sequence[str] = FILES) -> Path | None:
    """Give the folder of a checkpoint if it lies in the Hugging Face cache, whole."""
    try:
        from huggingface_hub import snapshot_download
        from huggingface_hub.errors import LocalEntryNotFoundError
    except ImportError:
        return None
    repository, revision = split(name)
    try:
        folder = snapshot_download(repository, revision=revision, allow_patterns=list(files), local_files_only=True)
    except (LocalEntryNotFoundError, ValueError):
        return None
    return Path(folder) if _has_weights(Path(folder), files) else None


def _download(name: str, files: Sequence[str], kind: str) -> Path:
    require("huggingface_hub", f"the backbone {name}", error=BackboneError)
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import GatedRepoError, RepositoryNotFoundError, RevisionNotFoundError

    repository, revision = split(name)
    try:
        return Path(snapshot_download(repository, revision=revision, allow_patterns=list(files)))
    except GatedRepoError:
        why = f"its owner asks for consent: agree at https://huggingface.co/{repository} and type `hf auth login`"
    except RepositoryNotFoundError:
        raise BackboneError(f"there is no checkpoint {repository} on the Hugging Face hub") from None
    except RevisionNotFoundError:
        raise BackboneError(f"the checkpoint {repository} has no revision {revision}") from None
    except (OSError, ValueError) as error:  # no network, no such host, no room, a proxy that says no
        why = str(error).splitlines()[0].removeprefix("Got: ")
    folder = "FOLDER" if kind == "huggingface" else f"{kind}:FOLDER"
    raise BackboneError(
        f"the checkpoint {name} is not here and cannot be downloaded ({why}): fetch it where there is a network, "
        f"`{download_command(name)}`, bring the folder and say --backbone {folder}"
    )


def _has_weights(folder: Path, files: Sequence[str]) -> bool:
    return any(any(folder.glob(pattern)) for pattern in files if not pattern.endswith(".json"))


def split(name: str) -> tuple[str, str]:
    """Split OWNER/NAME@REVISION; the revision is the one that has safetensors unless it is given.

    Raises
    ------
    BackboneError : it is no such name, so a folder must have been meant.
    """
    match = NAME.fullmatch(name)
    if not match:
        raise BackboneError(f"no such folder: {name}")
    repository = match["repository"]
    return repository, match["revision"] or REVISIONS.get(repository, "main")


def download_command(name: str) -> str:
    """Give the command that fetches a checkpoint into the folder FOLDER."""
    repository, revision = split(name)
    return f"hf download {repository}" + f" --revision {revision}" * (revision != "main") + " --local-dir FOLDER"


def safetensors(folder: Path, name: str) -> list[Path]:
    """Give the files of the weights in a folder, in the order of their names.

    Raises
    ------
    BackboneError : there are none, or not all of them.
    """
    if (whole := folder / "model.safetensors").is_file():
        return [whole]
    index = folder / "model.safetensors.index.json"
    if not index.is_file():
        advice = f"`{download_command(name)}`" if NAME.fullmatch(name) else "fetch a revision that has, or save it anew"
        raise BackboneError(
            f"{folder} has no model.safetensors (a .bin or .pt is a pickle, can run code and is not opened): {advice}"
            + (f"; conversions often wait as {name}@refs/pr/NUMBER" if NAME.fullmatch(name) and "@" not in name else "")
        )
    try:
        shards = [folder / shard for shard in sorted(set(json.loads(index.read_text("utf-8"))["weight_map"].values()))]
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise BackboneError(f"{index} cannot be read ({error!r}): fetch the checkpoint again") from error
    for shard in shards:  # a name such as ../../other.bin would have another file opened
        if shard.parent != folder or shard.suffix != ".safetensors":
            raise BackboneError(f"{index} names {shard}, which is no safetensors of this folder: fetch it anew")
    if not shards:
        raise BackboneError(f"{index} names no weights: fetch the checkpoint again")
    if absent := [shard.name for shard in shards if not shard.is_file()]:
        raise BackboneError(f"{folder} lacks {absent[0]}, which model.safetensors.index.json names: fetch it again")
    return shards
