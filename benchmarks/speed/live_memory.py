"""Memory: bytes of live tensors, page faults, and the resident high-water mark."""

import ctypes
import resource
import weakref
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves


class LiveTensors(TorchDispatchMode):
    """Counts the storages that operations allocate while it is on, until they are freed.

    What existed before is not counted, and neither is scratch memory within an operation, such as a
    convolution's reordered weights. `peak` is the most bytes alive at once, `allocated` their sum.
    """

    def __init__(self) -> None:
        super().__init__()
        self.live = self.peak = self.allocated = 0
        self._known: dict[int, weakref.ref[torch.UntypedStorage]] = {}

    def __torch_dispatch__(
        self,
        func: Callable[..., Any],
        types: Sequence[type],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        """Run an operation and look at what it returns."""
        kwargs = kwargs or {}
        parts = decomposed(self, func, args, kwargs)
        if parts is not NotImplemented:
            return parts
        given = {id(storage) for storage in _storages((args, kwargs))}
        results = func(*args, **kwargs)
        for storage in _storages(results):
            if id(storage) not in given and id(storage) not in self._known:
                self._add(storage)
        return results

    def _add(self, storage: torch.UntypedStorage) -> None:
        key, size = id(storage), storage.nbytes()

        def freed(_: object) -> None:
            del self._known[key]
            self.live -= size

        self._known[key] = weakref.ref(storage, freed)
        self.live += size
        self.allocated += size
        self.peak = max(self.peak, self.live)


def decomposed(
    mode: TorchDispatchMode,
    func: Callable[..., Any],
    args: Sequence[Any],
    kwargs: Mapping[str, Any],
) -> Any:
    """What an operation returns that is made of others, each of which the mode then sees.

    NotImplemented where it is not. Without autograd, PyTorch hands such operations over whole.
    Those that have a kernel of their own, and a decomposition for compilers, run their kernel.
    """
    key = torch._C.DispatchKey.CompositeImplicitAutograd  # type: ignore[attr-defined]
    if not torch._C._dispatch_has_kernel_for_dispatch_key(func.name(), key):  # type: ignore[attr-defined]
        return NotImplemented
    with mode:
        return func._op_dk(key, *args, **kwargs)


def _storages(tree: object) -> list[torch.UntypedStorage]:
    leaves = tree_leaves(tree)
    return [leaf.untyped_storage() for leaf in leaves if isinstance(leaf, torch.Tensor)]


@dataclass(frozen=True)
class Live:
    """Bytes of tensors: the most at once, and all that were allocated."""

    peak: int
    allocated: int

    def figures(self) -> dict[str, float | str]:
        """Columns of a table, in MB of a million bytes."""
        return {
            "peak live MB": round(self.peak / 1e6, 1),
            "allocated MB": round(self.allocated / 1e6, 1),
        }


def live_tensors(action: Callable[[], object]) -> Live:
    """The tensors of one call; what it returns is alive to its end."""
    with LiveTensors() as mode:
        result = action()
    del result
    return Live(mode.peak, mode.allocated)


def page_faults(action: Callable[[], object]) -> int:
    """Pages that the kernel had to hand out during one call."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    action()
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before


def resident_growth(action: Callable[[], object]) -> int | None:
    """How many bytes the process grows in one call at most, from after freed memory went back.

    None where the system is not Linux.
    """
    status, reset = Path("/proc/self/status"), Path("/proc/self/clear_refs")
    try:
        ctypes.CDLL("libc.so.6").malloc_trim(0)
        reset.write_text("5")  # lets the high-water mark fall to what is resident now
        before = _status(status, "VmRSS")
        action()
        return _status(status, "VmHWM") - before
    except (OSError, AttributeError, StopIteration):
        return None


def _status(path: Path, field: str) -> int:
    line = next(line for line in path.read_text().splitlines() if line.startswith(field))
    return int(line.split()[1]) * 1024
