"""What all measurements share: what they say of the machine, and how they store figures."""

import contextlib
import json
import os
import platform
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
CORES = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()


def system_name():
    """The operating system with its version."""
    try:
        return platform.freedesktop_os_release()["PRETTY_NAME"]
    except OSError:  # not a Linux
        return f"{platform.system()} {platform.release()}"


def processor_model():
    """The processor as the system calls it, on Linux with its family and model: servers often hide the full name."""
    with contextlib.suppress(OSError, KeyError):
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").partition("\n\n")[0].splitlines()
        about = {key.strip(): value.strip() for key, _, value in (line.partition(":") for line in lines)}
        number = f" (family {about['cpu family']}, model {about['model']})" if "cpu family" in about else ""
        return about["model name"] + number
    with contextlib.suppress(OSError, subprocess.CalledProcessError):
        command = ["sysctl", "-n", "machdep.cpu.brand_string"]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    return platform.processor() or platform.machine()


def store(path, results):
    """Write results as JSON with one line for each record: what holds no list and no dictionary is not broken up.

    Parameters
    ----------
    path : Path
        Where to write.
    results : dict or list
        What JSON can hold. Floats are rounded to six significant digits.
    """
    path.write_text(_lines(results) + "\n", encoding="utf-8")


def _lines(value, indent=""):
    parts = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    if not any(isinstance(part, (dict, list)) for part in parts):
        return json.dumps(_rounded(value), ensure_ascii=False)
    inner = indent + " "
    if isinstance(value, dict):
        lines = [f"{inner}{json.dumps(key, ensure_ascii=False)}: {_lines(part, inner)}" for key, part in value.items()]
        return "{\n" + ",\n".join(lines) + f"\n{indent}}}"
    return "[\n" + ",\n".join(inner + _lines(part, inner) for part in value) + f"\n{indent}]"


def _rounded(value):
    if isinstance(value, dict):
        return {key: _rounded(part) for key, part in value.items()}
    if isinstance(value, list):
        return [_rounded(part) for part in value]
    return float(f"{value:.6g}") if isinstance(value, float) else value
