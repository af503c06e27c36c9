"""Labels spread over the neighbour graph of gallery and queries.

Sources: Zhou et al., Learning with local and global consistency, NIPS 2003; edges cosine**3 among the nearest, as in
Iscen et al., Efficient diffusion on region manifolds, CVPR 2017.
"""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from scipy import sparse
from scipy.sparse.csgraph import reverse_cuthill_mckee

from fieldguide.core.arrays import Anything, Floats, Ints
from fieldguide.core.machine import cores
from fieldguide.recognition.neighbours import blocks, nearest

NEIGHBOURS = 10
ALPHA = 0.8  # of a node's mass, what comes from its neighbours
ROUNDS = 12  # 0.8**12 = 0.07 of the mass is still on its way
CLASSES_AT_ONCE = 32  # in a thread; of 300,000 nodes that takes 115 MB
EXACT_UP_TO = 4096  # classes; there both ways take as long
CLASSES_A_NODE = 128  # that a node passes on where there are more; docs/performance.md has measured what that changes
NODES_AT_ONCE = 2048  # in a thread; their neighbours' classes take some 60 MB


def neighbour_graph(nodes: Floats, more: Any = None) -> Any:
    """Build the graph of gallery and queries: symmetric, normalised by degree, sparse.

    Parameters
    ----------
    nodes : (n, dim) unit rows
    more : (n, n) weights to be added, sparse, symmetric; None for none

    Returns
    -------
    (n, n) float32 CSR matrix.
    """
    ends, similarity = nearest(nodes, nodes, NEIGHBOURS, same_from=0)
    starts = np.repeat(np.arange(len(nodes)), ends.shape[1])
    weights = np.maximum(similarity.ravel(), 0) ** 3
    graph = sparse.csr_matrix((weights, (starts, ends.ravel())), (len(nodes), len(nodes)))
    graph = graph.maximum(graph.T)
    if more is not None:
        graph = graph + more
    root = sparse.diags(1 / np.sqrt(np.maximum(np.asarray(graph.sum(axis=1)).ravel(), 1e-9)))
    return (root @ graph @ root).tocsr().astype(np.float32)


def source_mass(codes: Ints) -> Floats:
    """(n,) how much of its label each gallery picture sends out: every class as much, however many shots it has.

    A class with hundreds of shots would flood those with one. Were all classes of the median size, each picture would
    send 1.

    Parameters
    ----------
    codes : (n,) classes, 0 to n_classes - 1, none missing
    """
    sizes = np.bincount(codes)
    mass: Floats = (np.median(sizes) / sizes[codes]).astype(np.float32)
    return mass


def propagate(graph: Any, codes: Ints, keep: int, extra: Ints) -> tuple[Ints, Floats, Floats]:
    """Spread the gallery's labels; each class goes by itself, so that some of them at a time bound memory.

    Some classes a thread: SciPy's sparse products use one core. Nodes are put in an order in which neighbours lie
    close in memory (Cuthill & McKee, 1969): with 100,000 of them a product takes a quarter of the time.

    Time would grow with classes times nodes. So of more than `EXACT_UP_TO` classes a node passes on only the
    `CLASSES_A_NODE` with the most mass; a class that it drops has no mass there.

    Parameters
    ----------
    graph : of n gallery pictures, then m queries
    codes : (n,) classes of the gallery, 0 to n_classes - 1
    keep : how many classes to keep a query, those with the most mass
    extra : (m, k) classes whose mass is returned whatever it is

    Returns
    -------
    The classes kept, (m, keep), -1 where no class has mass, their mass, and the mass of `extra`, (m, k).
    """
    n, n_classes = len(codes), int(codes.max()) + 1
    sent = source_mass(codes)
    order = reverse_cuthill_mckee(graph, symmetric_mode=True)
    place, flow = np.argsort(order), graph[order][:, order]
    if n_classes > EXACT_UP_TO:
        seeds = sparse.csr_matrix((sent, (place[:n], codes)), (len(place), n_classes))
        return _read(diffuse_heaviest(flow, seeds)[place[n:]], keep, extra)
    extra_mass = np.zeros(extra.shape, np.float32)

    def spread(start: int) -> tuple[Ints, Floats]:
        stop = min(start + CLASSES_AT_ONCE, n_classes)
        rows = np.flatnonzero((codes >= start) & (codes < stop))
        seeds = np.zeros((len(place), stop - start), np.float32)
        seeds[place[rows], codes[rows] - start] = sent[rows]
        mass = diffuse(flow, seeds)[place[n:]]
        query, column = np.nonzero((extra >= start) & (extra < stop))
        extra_mass[query, column] = mass[query, extra[query, column] - start]
        classes = np.broadcast_to(np.arange(start, stop), mass.shape)
        return _heaviest(classes, mass, keep)

    kept, mass = np.zeros((len(place) - n, 0), np.int64), np.zeros((len(place) - n, 0), np.float32)
    with ThreadPoolExecutor(cores()) as pool:
        for some_kept, some_mass in pool.map(spread, range(0, n_classes, CLASSES_AT_ONCE)):
            kept, mass = np.concatenate([kept, some_kept], axis=1), np.concatenate([mass, some_mass], axis=1)
            kept, mass = _heaviest(kept, mass, keep)
    return kept, mass, extra_mass


def _heaviest(classes: Ints, mass: Floats, keep: int) -> tuple[Ints, Floats]:
    if mass.shape[1] <= keep:
        return classes, mass
    best = np.argpartition(-mass, keep - 1, axis=1)[:, :keep]
    return np.take_along_axis(classes, best, axis=1), np.take_along_axis(mass, best, axis=1)


def diffuse_heaviest(graph: Any, seeds: Any) -> Any:
    """Diffuse sparse `seeds` (n_nodes, n_classes), of which each node keeps the heaviest after every round."""
    parts = [slice(start, start + NODES_AT_ONCE) for start in range(0, len(seeds.indptr) - 1, NODES_AT_ONCE)]
    flows, sources = [graph[part] for part in parts], [np.float32(1 - ALPHA) * seeds[part] for part in parts]
    mass = seeds
    with ThreadPoolExecutor(cores()) as pool:
        for _ in range(ROUNDS):
            before = mass  # the same for all threads

            def step(flow: Any, source: Any, before: Any = before) -> Any:
                return _only_heaviest(np.float32(ALPHA) * (flow @ before) + source)

            mass = sparse.vstack(list(pool.map(step, flows, sources)), format="csr")
    return mass


def _only_heaviest(mass: Any) -> Any:
    """Keep the `CLASSES_A_NODE` heaviest entries of each row of a CSR matrix, and those that tie with the last."""
    rows, table = _padded(mass)
    if table.shape[1] <= CLASSES_A_NODE:
        return mass
    least = np.partition(table, -CLASSES_A_NODE, axis=1)[:, -CLASSES_A_NODE]
    kept = (mass.data >= least[rows]) & (mass.data > 0)
    ends = np.cumsum(np.bincount(rows[kept], minlength=len(least)))
    return sparse.csr_matrix((mass.data[kept], mass.indices[kept], np.append(0, ends)), mass.shape)


def _padded(mass: Any) -> tuple[Ints, Floats]:
    """Give the row of each entry of a CSR matrix, and the entries as rows of equal length that end in zeros."""
    size = np.diff(mass.indptr)
    rows = np.repeat(np.arange(len(size)), size)
    table = np.zeros((len(size), size.max(initial=0)), np.float32)
    table[rows, np.arange(mass.nnz) - mass.indptr[rows]] = mass.data
    return rows, table


def _read(mass: Any, keep: int, extra: Ints) -> tuple[Ints, Floats, Floats]:
    """Read what `propagate` gives from the mass (m, n_classes), CSR."""
    kept, heaviest = np.full((len(extra), keep), -1), np.zeros((len(extra), keep), np.float32)
    extra_mass = np.zeros(extra.shape, np.float32)
    for part in blocks(len(extra), 4 * CLASSES_A_NODE):
        some = mass[part]
        rows, table = _padded(some)
        classes = np.full(table.shape, -1)
        classes[rows, np.arange(some.nnz) - some.indptr[rows]] = some.indices
        few_classes, few = _heaviest(classes, table, keep)
        kept[part, : few.shape[1]], heaviest[part, : few.shape[1]] = few_classes, few
        row = np.repeat(np.arange(len(table)), extra.shape[1])
        extra_mass[part] = np.asarray(some[row, extra[part].ravel()]).reshape(-1, extra.shape[1])
    return kept, heaviest, extra_mass


def diffuse(graph: Any, seeds: Anything) -> Anything:
    """Let the mass of `seeds` (n_nodes, k) flow along the graph and be renewed at its source."""
    mass, source = seeds, np.float32(1 - ALPHA) * seeds
    for _ in range(ROUNDS):
        mass = graph @ mass
        mass *= np.float32(ALPHA)
        mass += source
    return mass


def smooth_over(graph: Any, values: Anything) -> Anything:
    """Mix each node's value (n,) half with those around it, keeping mean and spread.

    Distractors come in clusters: a query among distractors is likelier one.
    """
    walk = sparse.diags(1 / np.maximum(np.asarray(graph.sum(axis=1)).ravel(), 1e-9)) @ graph
    mixed: Anything = (values + diffuse(walk, values)) / 2
    spread = mixed.std()
    scale = values.std() / spread if spread > 0 else 1.0
    return np.asarray((mixed - mixed.mean()) * scale + values.mean())
