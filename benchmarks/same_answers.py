"""Whether two checkouts give the same answers, byte for byte: what a change of names and places must leave alone.

    python benchmarks/same_answers.py BEFORE [AFTER] [NAME=FOLDER ...]

BEFORE and AFTER are folders of checkouts; AFTER is this one unless given. Each FOLDER holds train.csv (image,label) and
test.csv (image). Beside those tasks the demo's is asked, and one with files that cannot be read. Each checkout embeds
for itself, with a cache of its own, on one thread of linear algebra. Exits with 1 if answers differ.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent.parent


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("before", type=Path)
    parser.add_argument("rest", nargs="*", metavar="AFTER NAME=FOLDER")
    args = parser.parse_args()
    folders = [Path(word) for word in args.rest if "=" not in word] or [HERE]
    named = [word.split("=", 1) for word in args.rest if "=" in word]
    with tempfile.TemporaryDirectory(prefix="same-answers-") as scratch:
        tasks = {name: (Path(folder) / "train.csv", Path(folder) / "test.csv") for name, folder in named}
        tasks |= small_tasks(folders[0], Path(scratch))
        print("| task | answers |\n| --- | --- |")
        differ = 0
        for name, (gallery, queries) in tasks.items():
            before, after = (answers(each, gallery, queries, Path(scratch)) for each in (args.before, folders[0]))
            differ += before != after
            print(f"| {name} | {'the same' if before == after else 'DIFFERENT'}, {len(before):,} bytes |", flush=True)
    sys.exit(int(differ > 0))


def small_tasks(checkout: Path, scratch: Path) -> dict[str, tuple[Path, Path]]:
    """Make the demo's task, and the same with files among the queries that cannot be read."""
    code = "import sys; from pathlib import Path; from fieldguide.pipelines.demo import make_task; "
    run(checkout, scratch, sys.executable, "-c", code + "make_task(Path(sys.argv[1]))", str(scratch / "demo"))
    good, bad = scratch / "demo" / "queries", scratch / "bad"
    shutil.copytree(good, bad)
    picture = (bad / "000.jpg").read_bytes()
    (bad / "empty.jpg").touch()
    (bad / "text.png").write_text("no picture")
    (bad / "half.jpg").write_bytes(picture[: len(picture) // 3])
    (bad / "folder.jpg").mkdir()
    gallery = scratch / "demo" / "gallery"
    return {"demo": (gallery, good), "bad files": (gallery, bad)}


def answers(checkout: Path, gallery: Path, queries: Path, scratch: Path) -> bytes:
    """Identify by one checkout; the file of answers."""
    output = scratch / "answers.csv"
    output.unlink(missing_ok=True)
    run(
        checkout, scratch, sys.executable, "-m", "fieldguide", "identify", str(gallery), str(queries), "-o", str(output)
    )
    return output.read_bytes()


def run(checkout: Path, scratch: Path, *command: str) -> None:
    cache = scratch / f"cache-{abs(hash(checkout.resolve()))}"
    one_thread = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
    environment = {**os.environ, **one_thread, "PYTHONPATH": str(checkout.resolve() / "src")}
    environment["FIELDGUIDE_CACHE"] = str(cache)
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, cwd=scratch)
    if done.returncode:
        sys.exit(f"{checkout}: {' '.join(command)} ended with {done.returncode}:\n{done.stderr}")


if __name__ == "__main__":
    main()
