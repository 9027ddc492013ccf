"""The machine and the versions that results belong to."""

import os
import platform
import subprocess
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

LIBRARIES = ("torch", "torchvision", "timm", "effdet", "onnxruntime", "openvino", "onnxscript")
# Extensions that convolutions and matrix products use.
FLAGS = ("avx2", "fma", "avx512f", "avx512_vnni", "avx512_bf16", "avx512_fp16", "amx_bf16", "asimd")
VARIABLES = ("MALLOC_", "GLIBC_TUNABLES", "LD_PRELOAD", "KMP_", "OMP_", "DNNL_", "ONEDNN_")


def describe_machine(root: Path) -> dict[str, str]:
    """Names and what they are; the commit is of the repository at `root`."""
    model, flags = _cpu()
    libc = " ".join(platform.libc_ver())
    return {
        "CPU": model,
        "CPU flags": " ".join(flag for flag in FLAGS if flag in flags),
        "cores": str(os.cpu_count()),
        "memory": f"{os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / 2**30:.0f} GiB",
        "system": f"{_system()}, Linux {platform.release()}, {libc}",
        "Python": platform.python_version(),
        **{name: _version(name) for name in LIBRARIES},
        "environment": _environment(),
        "commit": _commit(root),
    }


def same_machine(one: dict[str, str], other: dict[str, str]) -> bool:
    """Whether results belong into one report; the commit and the environment may differ."""
    free = ("commit", "environment")
    return {k: v for k, v in one.items() if k not in free} == {
        k: v for k, v in other.items() if k not in free
    }


def _cpu() -> tuple[str, set[str]]:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine(), set()
    pairs = dict(reversed([[*map(str.strip, line.split(":", 1))] for line in lines if ":" in line]))
    numbers = ", ".join(f"{k} {pairs[k]}" for k in ("cpu family", "model") if k in pairs)
    flags = set(pairs.get("flags", pairs.get("Features", "")).split())
    return f"{pairs.get('model name', platform.machine())} ({numbers})", flags


def _system() -> str:
    try:
        return platform.freedesktop_os_release()["PRETTY_NAME"]
    except (OSError, KeyError):
        return platform.system()


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "none"


def _environment() -> str:
    """Variables of the shell that change speed; workers set threads and malloc for themselves."""
    found = {k: v for k, v in sorted(os.environ.items()) if k.startswith(VARIABLES)}
    return " ".join(f"{k}={v}" for k, v in found.items()) or "nothing set"


def _commit(root: Path) -> str:
    def git(*arguments: str) -> str:
        command = ["git", "-C", str(root), *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()

    try:
        changed = git("status", "--porcelain", "--untracked-files=no", "--", "fpncompiler", "specs")
        return git("rev-parse", "--short", "HEAD") + (", with changes" if changed else "")
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
