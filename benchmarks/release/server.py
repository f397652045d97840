"""A class on one machine: thirty kernels of one Jupyter server run the same notebook at once.

    make bench NAME=server                            all, half an hour; writes server.json and server.md here
    python -m benchmarks.release.server --only memory a part: class, one-thread or memory; keeps the other parts
    python -m benchmarks.release.server --quick       two kernels and one notebook: does everything run? Writes nothing

Each kernel is started, and its cells are executed one after the other, as a page does it: over the server's own
addresses. The clock runs from asking for a kernel until its last cell is done. Memory is what the kernel itself says.
"""

import argparse
import asyncio
import json
import platform
import sys
import tempfile
import time
import uuid
from datetime import date
from importlib.metadata import version
from pathlib import Path
from statistics import mean

import nbformat
from tornado.httpclient import AsyncHTTPClient, HTTPRequest
from tornado.websocket import websocket_connect

from benchmarks.common import CORES, ROOT, processor_model, store, system_name
from tools import lab

HERE = Path(__file__).resolve().parent

CLASS = ("02_forward_pass", "06_regularization")
KERNELS = 30
PARTS = ("class", "one-thread", "memory")
ALONE = 6  # runs in a row, half of them before the class and half of them after
NOTEBOOKS = sorted(path.stem for path in (ROOT / "notebooks").glob("*.ipynb"))
LIMIT = 500  # megabytes that a kernel is to stay below
ONE_THREAD = "import os; os.environ['OPENBLAS_NUM_THREADS'] = '1'"  # before NumPy is there
# Megabytes that the kernel's process holds, and the most that it ever held. Linux counts the latter in kilobytes.
MEMORY = """
import json as _json, resource as _resource, sys as _sys, psutil as _psutil
_unit = 1 if _sys.platform == "darwin" else 1024
print(_json.dumps([_psutil.Process().memory_info().rss / 1e6,
                   _resource.getrusage(_resource.RUSAGE_SELF).ru_maxrss * _unit / 1e6]))
"""


async def ask(address, method, content=None):
    """What the server answers, as Python has it. address: in full. content: what is sent along."""
    body = None if content is None else json.dumps(content)
    headers = {"Authorization": f"token {lab.TOKEN}"}
    request = HTTPRequest(address, method, headers, body, request_timeout=600)
    return json.loads((await AsyncHTTPClient().fetch(request)).body or "null")


async def execute(socket, code):
    """Execute code in the kernel at the other end; what it printed. RuntimeError when it raised."""
    asked = str(uuid.uuid4())
    header = {"msg_id": asked, "msg_type": "execute_request", "username": "", "session": asked, "version": "5.3"}
    content = {"code": code, "silent": False, "store_history": True, "allow_stdin": False, "stop_on_error": True}
    message = {"header": header, "parent_header": {}, "metadata": {}, "content": content, "channel": "shell"}
    await socket.write_message(json.dumps(message))
    printed, waiting = "", {"execute_reply", "idle"}
    while waiting:
        text = await socket.read_message()
        if text is None:
            raise RuntimeError("the kernel died")
        if isinstance(text, bytes):
            continue  # a widget's picture
        answer = json.loads(text)
        if answer["parent_header"].get("msg_id") != asked:
            continue
        kind, content = answer["header"]["msg_type"], answer["content"]
        if kind == "stream" and content["name"] == "stdout":
            printed += content["text"]
        if kind == "error":
            raise RuntimeError(f"{content['ename']}: {content['evalue']}")
        waiting -= {kind, content.get("execution_state")}
    return printed


async def student(address, name, first=""):
    """One kernel, from its start through all cells of a notebook: seconds and megabytes. first: code before them.

    Returns {"seconds", "memory", "peak"}, or {"error"} with the cell and what it raised.
    """
    begun = time.perf_counter()
    notebook = nbformat.read(ROOT / "notebooks" / f"{name}.ipynb", as_version=4)
    kernel = await ask(f"{address}/api/kernels", "POST", {"name": "python3", "path": f"notebooks/{name}.ipynb"})
    try:
        url = f"ws{address.removeprefix('http')}/api/kernels/{kernel['id']}/channels?token={lab.TOKEN}"
        socket = await websocket_connect(url, max_message_size=100_000_000)
        await execute(socket, first)
        for number, cell in enumerate(notebook.cells):
            if cell.cell_type == "code":
                try:
                    await execute(socket, cell.source)
                except RuntimeError as error:
                    return {"error": f"{name}, cell {number}: {error}"}
        seconds = time.perf_counter() - begun
        memory, peak = json.loads(await execute(socket, MEMORY))
        return {"seconds": seconds, "memory": memory, "peak": peak}
    finally:
        await ask(f"{address}/api/kernels/{kernel['id']}", "DELETE")


async def in_a_row(address, name, n, first=""):
    return [await student(address, name, first) for _ in range(n)]


async def at_once(address, name, n, first=""):
    """So many kernels of one notebook at the same time."""
    return await asyncio.gather(*(student(address, name, first) for _ in range(n)))


async def classes(address, notebooks, kernels, alone, first=""):
    """{notebook: {"alone", "together"}}: the runs of single kernels, and those of a class."""
    results = {}
    for name in notebooks:
        print(name, file=sys.stderr, flush=True)
        before = await in_a_row(address, name, alone // 2, first)
        together = await at_once(address, name, kernels, first)
        results[name] = {"alone": before + await in_a_row(address, name, alone - alone // 2, first)}
        results[name]["together"] = together
    return results


async def each(address, notebooks):
    """{notebook: its run}, one after the other."""
    results = {}
    for name in notebooks:
        print(name, "by itself", file=sys.stderr, flush=True)
        [results[name]] = await in_a_row(address, name, 1)
    return results


async def measure(address, parts, kernels, alone, notebooks, every):
    """{part: what came out}. notebooks: of a class. every: whose memory counts. RuntimeError when a cell raised."""
    AsyncHTTPClient.configure(None, max_clients=kernels + 1)
    results = {}
    for part in parts:
        if part == "memory":
            results[part] = await each(address, every)
        else:
            results[part] = await classes(address, notebooks, kernels, alone, ONE_THREAD * (part == "one-thread"))
    if errors := [run["error"] for part in results.values() for run in runs(part) if "error" in run]:
        raise RuntimeError("\n".join(errors))
    return results


def runs(part):
    """All runs of a part."""
    for result in part.values():
        yield from result["alone"] + result["together"] if "alone" in result else [result]


def report(results):
    """The results as Markdown lines."""
    about = results["machine"]
    lines = [
        "# A class on one server",
        "",
        f"Measured until {results['date']} by `make bench NAME=server` on {about['processor']}, "
        f"{about['cores']} cores, {about['memory']:.0f} GB of memory, {about['system']}; Python {about['python']}, "
        f"NumPy {about['numpy']}, Matplotlib {about['matplotlib']}, ipykernel {about['ipykernel']}, Jupyter Server "
        f"{about['jupyter_server']}.",
        "",
        "## All at the same time",
        "",
        "One Jupyter server; all kernels are asked for in the same moment, and each runs the notebook from its first "
        "cell to its last. No cell raised an error. Seconds count from that moment. The last column compares the last "
        f"kernel with as many runs one after the other: {ALONE} were measured, half before and half after, and their "
        "mean is multiplied. Below 1, the class is done sooner than its members in a row.",
        "",
        "| notebook | matrix threads of a kernel | kernels | alone, s | first done, s | last done, s "
        "| memory of all, GB | last / in a row |",
        "|---|---|--:|--:|--:|--:|--:|--:|",
    ]
    threads = {"class": "all that NumPy takes", "one-thread": "1, by `OPENBLAS_NUM_THREADS`"}
    for part in [part for part in threads if part in results]:
        for name, result in results[part].items():
            alone, seconds = (sorted(run["seconds"] for run in result[key]) for key in ("alone", "together"))
            memory = sum(run["memory"] for run in result["together"]) / 1000
            lines.append(
                f"| {name} | {threads[part]} | {len(seconds)} | {mean(alone):.1f} | {seconds[0]:.0f} "
                f"| {seconds[-1]:.0f} | {memory:.1f} | {seconds[-1] / len(seconds) / mean(alone):.2f} |"
            )
    lines += [
        "",
        "## Memory of one kernel",
        "",
        f"What the kernel's process holds after the notebook's last cell, to stay below {LIMIT} MB, and the most "
        "that it held on the way.",
        "",
        "| notebook | after, MB | at most, MB |",
        "|---|--:|--:|",
    ]
    memory = results.get("memory", {})
    over = [name for name, run in memory.items() if run["memory"] >= LIMIT]
    lines += [f"| {name} | {run['memory']:.0f} | {run['peak']:.0f} |" for name, run in memory.items()]
    lines += ["", f"The limit is {'exceeded by: ' + ', '.join(over) if over else 'kept by all'}."]
    return lines


def machine():
    import psutil  # the kernel needs it too

    return {
        "processor": processor_model(),
        "cores": CORES,
        "memory": psutil.virtual_memory().total / 1e9,
        "system": system_name(),
        "python": platform.python_version(),
    } | {name: version(name) for name in ("numpy", "matplotlib", "ipykernel", "jupyter_server")}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kernels", type=int, default=KERNELS, help="how many at the same time")
    parser.add_argument("--only", choices=PARTS, help="measure this part, and keep what server.json has of the others")
    parser.add_argument("--quick", action="store_true", help="two kernels, one notebook; writes nothing")
    arguments = parser.parse_args()
    stored, about = HERE / "server.json", machine()
    results = json.loads(stored.read_text(encoding="utf-8")) if arguments.only else {}
    if results.get("machine", about) != about:
        parser.error("server.json is of another machine or other versions: measure all parts")
    parts = [arguments.only] if arguments.only else PARTS
    sizes = (2, 2, CLASS[:1], CLASS[:1]) if arguments.quick else (arguments.kernels, ALONE, CLASS, NOTEBOOKS)
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        folder = Path(folder)
        with lab.server(folder, folder / "server.log") as address:
            results |= asyncio.run(measure(address, parts, *sizes))
    results |= {"date": date.today().isoformat(), "machine": about}
    lines = report(results)
    print("\n".join(lines))
    if not arguments.quick:
        (HERE / "server.md").write_text("\n".join(lines) + "\n", encoding="utf-8")
        store(stored, results)


if __name__ == "__main__":
    main()
