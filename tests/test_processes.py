"""Training in two processes, as `accelerate launch` starts them, on the CPU."""

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent


@pytest.fixture(scope="module")
def both(tmp_path_factory):
    """What two processes say after one training; the environment is the one that `accelerate launch` makes."""
    folder = tmp_path_factory.mktemp("trained")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    common = {"WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port), "ACCELERATE_USE_CPU": "true"}
    path = os.pathsep.join([str(HERE), *sys.path])
    processes = []
    for rank in range(2):
        own = {"RANK": str(rank), "LOCAL_RANK": str(rank), "PYTHONPATH": path, "OMP_NUM_THREADS": "1"}
        command = [sys.executable, str(HERE / "two_processes.py"), str(folder)]
        processes.append(
            subprocess.Popen(command, env={**os.environ, **common, **own}, stderr=subprocess.PIPE, text=True)
        )
    for process in processes:
        _, complaint = process.communicate()
        assert process.returncode == 0, complaint
    return [json.loads((folder / f"said-{which}.json").read_text()) for which in ("main", "other")]


def test_two_processes_end_in_the_same_network_proxies_and_choice(both):
    main, other = both
    assert main["networks"] == other["networks"]
    assert main["proxies"] == other["proxies"]
    assert len(set(main["proxies"])) > 1
    for what in "held_out", "summary":
        assert main[what] == other[what]
    assert main["held_out"][-1] > 0.5


def test_one_of_two_processes_writes_the_checkpoints(both):
    main, other = both
    assert main["main"]
    assert not other["main"]
    assert main["kept"] >= 4  # two folds of two epochs
    assert other["kept"] == 0
    assert main["card"]
    assert other["card"]
