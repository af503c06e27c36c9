"""Seconds, memory and size of the page of a large run, on drawn pictures; and how fast a browser opens it.

python benchmarks/report.py [--queries 13000] [--classes 1000] [--side 256]
"""

import argparse
import resource
import shutil
import sys
import tempfile
import time
from pathlib import Path

sys.path.append(str(Path(__file__).parents[1] / "tests"))

import numpy as np
from PIL import Image

from fieldguide.report.page import write_page
from synthetic import SHOTS, make_run

OPENED = 3  # times; the first pays for a browser that has just begun


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--queries", type=int, default=13_000)
    parser.add_argument("--classes", type=int, default=1_000)
    parser.add_argument("--side", type=int, default=256, help="of the pictures, pixels")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        run = make_run(folder, classes=args.classes, queries=args.queries, side=args.side, paint=textured)
        start = time.perf_counter()
        print(
            f"{args.queries:,} queries, {args.classes * SHOTS:,} gallery pictures; t-SNE {seconds(lambda: run.plane)}"
        )
        print(f"DBSCAN on the map: {seconds(lambda: run.dbscan)}")
        page = folder / "report.html"
        print(f"page {seconds(lambda: write_page(run, page, show=False))}, {page.stat().st_size / 2**20:.1f} MiB")
        memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(f"peak memory {memory:,.0f} MiB, recognition included; all {time.perf_counter() - start:.1f} s")
        open_in_browser(page)


def textured(hue: float, side: int) -> Image.Image:
    """A picture about as hard to compress as a photograph: blurred noise of a hue."""
    rng = np.random.default_rng(int(hue * 1e6))
    grain = Image.fromarray(rng.integers(0, 256, (side // 8, side // 8, 3), np.uint8))
    return Image.blend(grain.resize((side, side), Image.Resampling.BICUBIC), plain(hue, side), 0.4)


def plain(hue: float, side: int) -> Image.Image:
    return Image.new("HSV", (side, side), (int(255 * hue), 200, 230)).convert("RGB")


def seconds(work) -> str:
    wall, cpu = time.perf_counter(), time.process_time()
    work()
    return f"{time.perf_counter() - wall:.1f} s, {time.process_time() - cpu:.1f} s of CPU"


def open_in_browser(page: Path) -> None:
    chromium = shutil.which("chromium")
    if chromium is None:
        print("no Chromium: not opened")
        return
    from playwright.sync_api import sync_playwright

    flags = ["--no-sandbox", "--disable-gpu", "--enable-unsafe-swiftshader"]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=flags)
        for _ in range(OPENED):
            tab = browser.new_page(viewport={"width": 1280, "height": 900})
            tab.goto(page.as_uri(), wait_until="load")
            painted = tab.evaluate("performance.getEntriesByName('first-contentful-paint')[0].startTime")
            listed = tab.evaluate("performance.getEntriesByName('listed')[0].startTime")
            tab.wait_for_function("performance.getEntriesByName('drawn').length")
            drawn = tab.evaluate("performance.getEntriesByName('drawn')[0].startTime")
            whole = tab.evaluate("performance.timing.loadEventEnd - performance.timing.navigationStart")
            print(
                f"opened: first paint {painted:.0f} ms, list and filters {listed:.0f} ms, map {drawn:.0f} ms, "
                f"all of the file {whole:.0f} ms"
            )
            tab.close()
        browser.close()


if __name__ == "__main__":
    main()
