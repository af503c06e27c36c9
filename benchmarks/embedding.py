"""Pictures embedded a second, files to numbers, by plain loops, by other libraries and by every engine here.

    python benchmarks/embedding.py PICTURES [--clip FOLDER] [--count 256] [--plot docs/embedding-speed.svg]

All ways embed the same pictures in the same run, best of `--repeat`. CLIP ViT-B/32 has random weights unless FOLDER
holds a checkpoint: its speed is the same. sentence-transformers is measured where it is installed.
"""

import argparse
import json
import random
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from fieldguide.backbones import Backbone, load_backbone
from fieldguide.core.arrays import Floats
from fieldguide.core.errors import FieldguideError
from fieldguide.embedding import embed
from fieldguide.engines import start_engine
from fieldguide.records import ImageTable, read_queries

BATCH = 32
Rate = tuple[str, str, float, float, Floats]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pictures", type=Path)
    parser.add_argument("--clip", type=Path)
    parser.add_argument("--count", type=int, default=256)
    parser.add_argument("--repeat", type=int, default=2)
    parser.add_argument("--plot", type=Path)
    args = parser.parse_args()
    catalog = read_queries(args.pictures)
    rows = sorted(random.Random(0).sample(range(len(catalog)), min(args.count, len(catalog))))
    catalog = catalog.take(rows)
    with tempfile.TemporaryDirectory() as scratch:
        clip = args.clip or random_clip(Path(scratch))
        names = {"EfficientNet-Lite0": "efficientnet-lite0", "CLIP ViT-B/32": str(clip)}
        backbones = {network: load_backbone(name) for network, name in names.items()}
        gflop = {network: count_gflop(backbone) for network, backbone in backbones.items()}
        rates = [
            (network, way, rate, cpu, embeddings)
            for network, backbone in backbones.items()
            for way, rate, cpu, embeddings in measure(backbone, catalog, args.repeat)
        ]
    gemm = matrix_rate()
    print(f"{len(catalog)} pictures; matrix products of 2,048 × 2,048 in float32: {gemm:.0f} GFLOP/s\n")
    ways = "pictures a second | times the plain loop | CPU ms a picture | share of the matrix rate | least cosine to it"
    print(f"| network | way | {ways} |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    for network, way, rate, cpu, embeddings in rates:
        plain, reference = next((other, one) for name, _, other, _, one in rates if name == network)
        print(
            f"| {network} | {way} | {rate:.1f} | {rate / plain:.1f} | {cpu:.0f} | {rate * gflop[network] / gemm:.0%} "
            f"| {least_cosine(embeddings, reference):.5f} |"
        )
    if args.plot:
        plot(rates, args.plot)


def random_clip(folder: Path) -> Path:
    """Write CLIP ViT-B/32 with random weights, and a tokenizer of three words, which sentence-transformers wants."""
    from transformers import CLIPConfig, CLIPImageProcessorPil, CLIPModel, CLIPProcessor, CLIPTokenizer

    torch.manual_seed(0)
    CLIPModel(CLIPConfig()).save_pretrained(folder)
    words, merges = folder / "vocab.json", folder / "merges.txt"
    words.write_text(json.dumps({"<|startoftext|>": 0, "<|endoftext|>": 1, "a</w>": 2}))
    merges.write_text("#version: 0.2\n")
    CLIPProcessor(CLIPImageProcessorPil(), CLIPTokenizer(str(words), str(merges))).save_pretrained(folder)
    CLIPImageProcessorPil().save_pretrained(folder)
    return folder


def count_gflop(backbone: Backbone) -> float:
    """Count the network's operations for one picture, a multiply-add as two."""
    from torch.utils.flop_counter import FlopCounterMode

    size = backbone.preprocessing.size
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        backbone.network()(torch.zeros(1, 3, size, size))
    return counter.get_total_flops() / 1e9


def measure(backbone: Backbone, catalog: ImageTable, repeat: int) -> Iterator[tuple[str, float, float, Floats]]:
    """Give each way, its pictures a second, CPU milliseconds a picture and embeddings; the plain loop first."""
    yield "plain loop: Pillow, PyTorch, batch 32", *timed(plain_loop(backbone), catalog, repeat)
    if Path(backbone.name).is_dir():
        yield "transformers: processor and model", *timed(transformers_loop(backbone.name), catalog, repeat)
        if sentences := sentence_transformers(backbone.name):
            yield "sentence-transformers", *timed(sentences, catalog, repeat)
    for engine, precision in [
        *[(name, "float32") for name in ("torch", "onnxruntime", "openvino")],
        ("openvino", "bfloat16"),
        ("openvino", "int8"),
    ]:
        try:
            runner = start_engine(engine, backbone, precision, catalog.paths)
        except FieldguideError as error:
            print(f"{engine}, {precision}: {error}\n")
            continue
        way = f"fieldguide: {engine}, {precision}"
        yield way, *timed(lambda paths, runner=runner: ours(paths, backbone, runner), catalog, repeat)


def timed(run: Callable[[Sequence[Path]], Floats], catalog: ImageTable, repeat: int) -> tuple[float, float, Floats]:
    run(catalog.paths[:BATCH])  # what is loaded and compiled at the first call
    rates, cpu = [], []  # the processor's time means something on a busy machine too
    for _ in range(repeat):
        start, before = time.perf_counter(), time.process_time()
        embeddings = run(catalog.paths)
        rates.append(len(catalog) / (time.perf_counter() - start))
        cpu.append(1000 * (time.process_time() - before) / len(catalog))
    print(f"{max(rates):.1f}/s, {min(cpu):.0f} CPU ms", file=sys.stderr, flush=True)
    return max(rates), min(cpu), embeddings


def ours(paths: Sequence[Path], backbone: Backbone, engine: object) -> Floats:
    return embed(ImageTable([path.name for path in paths], list(paths)), backbone, engine=engine, show=False).matrix


def plain_loop(backbone: Backbone) -> Callable[[Sequence[Path]], Floats]:
    """What one writes oneself: decode, resize, crop, normalise, stack 32, run, on all cores."""
    network, steps = backbone.network(), backbone.preprocessing
    mean, scale = (torch.tensor(numbers).view(3, 1, 1) for numbers in (steps.mean, steps.scale))

    def prepare(path: Path) -> torch.Tensor:
        picture = Image.open(path).convert("RGB")
        factor = steps.shorter_side / min(picture.size)
        size = round(picture.width * factor), round(picture.height * factor)
        left, top = (size[0] - steps.size) // 2, (size[1] - steps.size) // 2
        picture = picture.resize(size, Image.Resampling.BICUBIC)
        picture = picture.crop((left, top, left + steps.size, top + steps.size))
        return (torch.from_numpy(np.array(picture)).permute(2, 0, 1).float() - mean) / scale

    def run(paths: Sequence[Path]) -> Floats:
        rows = []
        with torch.no_grad():
            for start in range(0, len(paths), BATCH):
                rows.append(network(torch.stack([prepare(path) for path in paths[start : start + BATCH]])).numpy())
        return np.vstack(rows)

    return run


def transformers_loop(folder: str) -> Callable[[Sequence[Path]], Floats]:
    from transformers import AutoImageProcessor, CLIPVisionModelWithProjection

    processor = AutoImageProcessor.from_pretrained(folder, backend="pil")
    model = CLIPVisionModelWithProjection.from_pretrained(folder).eval()

    def run(paths: Sequence[Path]) -> Floats:
        rows = []
        with torch.no_grad():
            for start in range(0, len(paths), BATCH):
                pictures = [Image.open(path).convert("RGB") for path in paths[start : start + BATCH]]
                rows.append(model(**processor(pictures, return_tensors="pt")).image_embeds.numpy())
        return np.vstack(rows)

    return run


def sentence_transformers(folder: str) -> Callable[[Sequence[Path]], Floats] | None:
    try:
        from sentence_transformers import SentenceTransformer
    except ImportError:
        return None
    model = SentenceTransformer(folder, device="cpu")
    return lambda paths: model.encode([Image.open(path) for path in paths], batch_size=BATCH, show_progress_bar=False)


def matrix_rate() -> float:
    """GFLOP/s of matrix products in float32, on all cores: what a network could reach at most."""
    one, other = torch.randn(2048, 2048), torch.randn(2048, 2048)
    best = 0.0
    for _ in range(10):
        start = time.perf_counter()
        _ = one @ other
        best = max(best, 2 * 2048**3 / (time.perf_counter() - start) / 1e9)
    return best


def least_cosine(one: Floats, other: Floats) -> float:
    """Give the cosine of the picture whose embeddings agree least."""
    return float(np.min((one * other).sum(1) / np.linalg.norm(one, axis=1) / np.linalg.norm(other, axis=1)))


def plot(rates: Sequence[Rate], path: Path) -> None:
    from matplotlib import pyplot

    networks = list(dict.fromkeys(network for network, *_ in rates))
    figure, panels = pyplot.subplots(1, len(networks), figsize=(11, 3), layout="constrained")
    for panel, network in zip(panels, networks, strict=True):
        ways = [(way, rate) for name, way, rate, *_ in rates if name == network][::-1]
        colours = ["#2a7f62" if way.startswith("fieldguide") else "#b0b0b0" for way, _ in ways]
        bars = panel.barh([way for way, _ in ways], [rate for _, rate in ways], color=colours)
        panel.bar_label(bars, fmt="%.0f", padding=3)
        panel.set(title=network, xlabel="pictures a second, file to embedding")
        panel.margins(x=0.12)
        panel.spines[["top", "right"]].set_visible(False)
    figure.savefig(path)


if __name__ == "__main__":
    main()
