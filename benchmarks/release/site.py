"""The website: what its recordings weigh, how fast sliders answer, the playground's frames, and pages on a phone.

    make site, then
    make bench NAME=site                               writes site.md here
    python -m benchmarks.release.site --before FOLDER  pages of an older build/site as well, in turns
    python -m benchmarks.release.site --quick          a few key presses, each page once; writes nothing

The clock is the page's own. A slider's starts when the page hears of a key press and stops at the end of the first
frame after the new picture is there. A phone is a small screen, a processor four times as slow as this one and a
network of 1.6 Mbit/s that takes 150 ms to answer, as Chromium imitates them.
"""

import argparse
import json
import sys
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from statistics import median

import numpy as np

from benchmarks.common import CORES, processor_model, system_name
from tools import lab, recordings

HERE = Path(__file__).resolve().parent
SITE = lab.ROOT / "build" / "site"
NOTEBOOKS = [path.stem for path in recordings.notebooks()]
PRESSES = 40  # of each slider
PAGES = ("index.html", "notebooks/06_regularization.html")
TIMES = 5
TRAINING = 5000  # milliseconds
QUIET = 3000  # milliseconds after the load event: what blocks later is the reader's doing
PHONE = {"viewport": {"width": 390, "height": 844}, "device_scale_factor": 2, "is_mobile": True, "has_touch": True}
SLOWER = 4
NETWORK = {"offline": False, "latency": 150, "downloadThroughput": 1.6e6 / 8, "uploadThroughput": 0.75e6 / 8}

METER_JS = """
box => {
  const meter = box.meter = { pressed: 0, painted: 0 };
  box.addEventListener('keydown', () => Object.assign(meter, { pressed: performance.now(), painted: 0 }), true);
  box.querySelector('img').addEventListener('load', () => requestAnimationFrame(() => {
    const { port1, port2 } = new MessageChannel();  // its message comes when the frame is done
    port1.onmessage = () => { meter.painted = performance.now(); };
    port2.postMessage(0);
  }));
}
"""
SHOW_ALL_JS = "() => document.querySelectorAll('.prediction button.plain').forEach(button => button.click())"
PAINTED_JS = "box => box.meter.painted ? box.meter.painted - box.meter.pressed : null"
# What the browser itself notes while a page comes
WATCH_JS = """
globalThis.seen = { paint: null, shift: 0, blocked: 0 };
new PerformanceObserver(list => list.getEntries().forEach(entry => {
  if (entry.name === 'first-contentful-paint') seen.paint = entry.startTime;
})).observe({ type: 'paint', buffered: true });
new PerformanceObserver(list => list.getEntries().forEach(entry => {
  if (!entry.hadRecentInput) seen.shift += entry.value;
})).observe({ type: 'layout-shift', buffered: true });
new PerformanceObserver(list => list.getEntries().forEach(entry => {
  seen.blocked += Math.max(0, entry.duration - 50);
})).observe({ type: 'longtask', buffered: true });
"""


@contextmanager
def opened(browser, address, **settings):
    """A fresh window on a page, with nothing cached; yields the page and its line to the browser's tools."""
    context = browser.browser.new_context(**settings)
    page = context.new_page()
    page.set_default_timeout(60_000)
    page.add_init_script(WATCH_JS)
    tools = context.new_cdp_session(page)
    tools.send("Network.enable")
    try:
        yield page, tools, address
    finally:
        context.close()


def press(box, slider):
    """Milliseconds of each of so many key presses, up to the slider's end, down to the other, and so on."""
    found, way = [], "ArrowRight"
    for _ in range(PRESSES):
        now, last = int(slider.input_value()), int(slider.get_attribute("max"))
        way = "ArrowLeft" if now == last else "ArrowRight" if now == 0 else way
        slider.press(way)
        handle = box.page.wait_for_function(PAINTED_JS, arg=box.element_handle())
        found.append(handle.json_value())
    return found


def sliders(browser, folder):
    """[(notebook, labels, settings, bytes, ms)] of each widget of the pages in a folder, which is a URL."""
    found = []
    for name in NOTEBOOKS:
        with opened(browser, f"{folder}/notebooks/{name}.html") as (page, _, address):
            page.goto(address)
            page.evaluate(SHOW_ALL_JS)
            for box in page.locator(".cell_output:has(input[type=range])").all():
                box.scroll_into_view_if_needed()
                box.evaluate(METER_JS)
                page.wait_for_timeout(500)  # as a reader looks first
                all_sliders = box.get_by_role("slider").all()
                labels = box.locator("label").all_inner_texts()
                found.append((name, labels, *weigh(box), [ms for slider in all_sliders for ms in press(box, slider)]))
    return found


def weigh(box):
    """How many settings a widget's page has, and the bytes of their pictures."""
    settings = json.loads(box.locator("script.recording").text_content())["settings"]
    folder = SITE / "_static" / "recordings"
    return len(settings), sum((folder / name).stat().st_size for name in {name for name, _ in settings.values()})


def to_first_picture(browser, address):
    """Bytes through the network until the first picture of a page that a cell has drawn is there, on a phone.

    None where all pictures wait for a prediction.
    """
    with opened(browser, address, **PHONE) as (page, tools, _):
        came = []
        tools.on("Network.loadingFinished", lambda event: came.append(event["encodedDataLength"]))
        page.goto(address)
        picture = page.locator(".cell_output img:visible").first  # what a prediction hides is none yet
        if not picture.count():
            return None
        while not picture.evaluate("picture => picture.complete && picture.naturalWidth > 0"):
            picture.scroll_into_view_if_needed()  # formulas above it may still grow
            page.wait_for_timeout(50)
        return sum(came)


def coming(browser, address):
    """First contentful paint and blocking time in milliseconds, and layout shift, of a page on a phone."""
    with opened(browser, address, **PHONE) as (page, tools, _):
        tools.send("Emulation.setCPUThrottlingRate", {"rate": SLOWER})
        tools.send("Network.emulateNetworkConditions", NETWORK)
        page.goto(address, wait_until="load")
        page.wait_for_timeout(QUIET)
        seen = page.evaluate("seen")
        return seen["paint"], seen["shift"], seen["blocked"]


FIRST_FRAME_JS = """
new MutationObserver((_, observer) => {
  if (!document.querySelector('[data-playground] button')) return;
  observer.disconnect();
  requestAnimationFrame(() => requestAnimationFrame(() => { seen.first = performance.now(); }));
}).observe(document, { childList: true, subtree: true });
"""
FRAMES_JS = """
milliseconds => new Promise(resolve => {
  const times = [], end = performance.now() + milliseconds;
  requestAnimationFrame(function frame(now) {
    times.push(now);
    if (now < end) requestAnimationFrame(frame); else resolve(times);
  });
})
"""


def playground(browser, address, batch_size, slower):
    """Milliseconds until the playground's first frame, and those between two frames while it trains."""
    with opened(browser, f"{address}/index.html#m={batch_size}") as (page, tools, address):
        tools.send("Emulation.setCPUThrottlingRate", {"rate": slower})
        page.add_init_script(FIRST_FRAME_JS)
        page.goto(address)
        first = page.wait_for_function("seen.first").json_value()
        page.get_by_role("button", name="Start", exact=True).click()
        return first, np.diff(page.evaluate(FRAMES_JS, TRAINING))


# ----------------------------------------------------------------------------------------- the report


def report(results):
    """The results as Markdown lines."""
    lines = [
        "# The website",
        "",
        f"Measured on {date.today().isoformat()} by `make bench NAME=site` on {processor_model()}, {CORES} cores, "
        f"{system_name()}; Chromium {results['chromium']}. The whole site is {results['bytes'] / 1e6:.1f} MB.",
        "",
        f"Each slider is moved by {PRESSES} arrow keys, one at a time. The clock runs from the key's event in the page "
        "to the end of the first frame with the new picture.",
        "",
        "| notebook | sliders | settings recorded | kB | ms from key to picture, from the disk: median | 90 % "
        "| from a server: median | 90 % |",
        "|---|---|--:|--:|--:|--:|--:|--:|",
    ]
    for (name, labels, n, size, disk), (*_, server) in zip(results["disk"], results["server"], strict=True):
        times = [figure for ms in (disk, server) for figure in (median(ms), np.percentile(ms, 90))]
        figures = " | ".join(f"{figure:.0f}" for figure in times)
        lines.append(f"| {name} | {', '.join(labels)} | {n} | {size / 1e3:.0f} | {figures} |")
    lines += [
        "",
        "What comes through the network until a page shows its first picture of a cell, on a phone, not compressed:",
        "",
        "| notebook | kB |",
        "|---|--:|",
        *(f"| {name} | {size / 1e3:.0f} |" for name, size in results["first picture"].items() if size),
        "",
        f"Pages on a phone: a processor {SLOWER} times as slow, {NETWORK['downloadThroughput'] * 8 / 1e6:g} Mbit/s, "
        f"{NETWORK['latency']} ms; the median of {TIMES}.",
        "",
        "| page | first contentful paint (ms) | layout shift | blocking time (ms) |",
        "|---|--:|--:|--:|",
    ]
    for page, runs in results["coming"].items():
        paint, shift, blocked = (median(figures) for figures in zip(*runs, strict=True))
        lines.append(f"| {page} | {paint:.0f} | {shift:.3f} | {blocked:.0f} |")
    lines += [
        "",
        f"The playground, opened from the disk, while it trains for {TRAINING / 1000:g} s:",
        "",
        "| batch size | processor | first frame (ms) | frames a second | ms between two frames: 90 % |",
        "|--:|---|--:|--:|--:|",
    ]
    for (batch_size, slower), (first, frames) in results["playground"].items():
        kind = f"{slower} times as slow" if slower > 1 else "this one"
        rate, longest = 1000 / frames.mean(), np.percentile(frames, 90)
        lines.append(f"| {batch_size} | {kind} | {first:.0f} | {rate:.0f} | {longest:.0f} |")
    return lines


def main():
    global PRESSES, TIMES
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--before", type=Path, metavar="FOLDER", help="an older build/site, to be measured in turns")
    parser.add_argument("--quick", action="store_true", help="few key presses, each page once; writes nothing")
    arguments = parser.parse_args()
    if line := lab.what_is_missing():
        raise SystemExit(line)
    if not (SITE / "index.html").is_file():
        raise SystemExit("make site comes first")
    if arguments.quick:
        PRESSES, TIMES = 4, 1
    sites = {"": SITE} | ({", before": arguments.before.resolve()} if arguments.before else {})
    results = {"bytes": sum(path.stat().st_size for path in SITE.rglob("*") if path.is_file())}
    with lab.browser() as browser:
        results["chromium"] = browser.browser.version
        results["disk"] = sliders(browser, SITE.as_uri())
        with lab.files(SITE) as address:
            results["server"] = sliders(browser, address)
            results["first picture"] = {
                name: to_first_picture(browser, f"{address}/notebooks/{name}.html") for name in NOTEBOOKS
            }
        results["playground"] = {
            (batch_size, slower): playground(browser, SITE.as_uri(), batch_size, slower)
            for batch_size in (1, 32, 1000)
            for slower in (1, SLOWER)
        }
        results["coming"] = {page + kind: [] for page in PAGES for kind in sites}
        for _ in range(TIMES):
            for kind, site in sites.items():
                with lab.files(site) as address:
                    for page in PAGES:
                        results["coming"][page + kind].append(coming(browser, f"{address}/{page}"))
    lines = report(results)
    print("\n".join(lines))
    if not arguments.quick:
        (HERE / "site.md").write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
