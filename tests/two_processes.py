"""What each of several processes runs in test_processes.py: a head is trained, and it says what it holds after it."""

import json
import sys
from hashlib import sha256
from pathlib import Path

import numpy as np

from fieldguide.training import CONFIGURATIONS, loop
from fieldguide.training.processes import is_main
from test_learning import drawn, train_arrays

FOLDER = Path(sys.argv[1])


def digest(module) -> str:
    state = module.state_dict()
    return sha256(b"".join(state[name].detach().numpy().tobytes() for name in sorted(state))).hexdigest()


def main() -> None:
    networks, objectives, kept = [], [], []
    load, keep = loop.load_checkpoint, loop.save_checkpoint

    def spy(path, network, objective, optimizer):
        networks.append(network)
        objectives.append(objective)
        return load(path, network, objective, optimizer)

    def count(*args):
        kept.append(str(args[0]))
        return keep(*args)

    loop.load_checkpoint, loop.save_checkpoint = spy, count
    gallery, labels, *_ = drawn(classes=9)
    how = CONFIGURATIONS["metric"].with_changes(
        loss="proxy-anchor", epochs=2, batch=8, folds=2, lr=1e-2, start="identity"
    )
    trained = train_arrays(how, gallery, labels, None, FOLDER)
    said = {
        "main": is_main(),
        "kept": len(kept),
        "held_out": list(trained.held_out),
        "summary": trained.summary,
        "networks": [digest(network) for network in networks],
        "proxies": [digest(objective) for objective in objectives],
        "card": (FOLDER / "adapter.json").exists(),
    }
    assert np.isfinite(trained.held_out).all()
    (FOLDER / f"said-{'main' if is_main() else 'other'}.json").write_text(json.dumps(said))


if __name__ == "__main__":
    main()
