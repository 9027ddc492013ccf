"""Which sections there are, and which processes measure them."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from benchmarks.speed.results import Setting

TUNED = "4294967296"
ALLOCATORS = {
    "default": {},
    "tuned": {
        "MALLOC_MMAP_THRESHOLD_": TUNED,
        "MALLOC_TRIM_THRESHOLD_": TUNED,
        "MALLOC_TOP_PAD_": str(64 * 2**20),
    },
}
QUICK_SIDE = 256


@dataclass(frozen=True)
class Section:
    """What is measured, in which settings, and how long one of its tables may take in seconds."""

    name: str
    title: str
    about: str
    phis: tuple[int, ...] = (0, 3)
    threads: tuple[int, ...] = (2,)
    allocators: tuple[str, ...] = ("default",)
    seconds: float = 20.0
    alone: bool = False  # in a process of its own


SECTIONS = (
    Section(
        "network",
        "The feature network",
        "On the features that the backbone makes of one image. Live MB are the most bytes of "
        "tensors that are alive at once, without weights and inputs; allocated MB are all that a "
        "forward pass asks for.",
    ),
    Section(
        "detector",
        "The detector",
        "From an image to the maps of classes and boxes, without postprocessing; then its parts, "
        "each on the inputs that effdet's has.",
        threads=(2, 1),
    ),
    Section(
        "compiled",
        "Compilers and engines",
        "The same detector through torch.compile, ONNX Runtime and OpenVINO. `start s` is how long "
        "compiling or loading took, which a cache on disk may have shortened.",
    ),
    Section(
        "postprocess",
        "Postprocessing",
        "From maps to at most 100 boxes: the best 5000 scores, decoding, and suppression within "
        "each of 90 classes. effdet's is `DetBenchPredict`, ours `detect`, both with a network "
        "that returns ready maps. Both find the same detections.",
        phis=(0,),
        threads=(2, 1),
        seconds=12.0,
    ),
    Section(
        "training",
        "Training",
        "One step: forward, effdet's `DetectionLoss` on either model's outputs, backward, SGD with "
        "momentum. Then the feature network alone, forward and backward.",
        phis=(0,),
        allocators=("default", "tuned"),
        seconds=80.0,
    ),
    Section(
        "floor",
        "The convolutions alone",
        "Every convolution of the fused detector by itself, its input ready and its layout the "
        "better one; so a bound for all that runs the same convolutions.",
    ),
    Section(
        "fusion",
        "Fast normalized fusion against softmax",
        "The feature network with either kind of weights (paper, section 3.3).",
        seconds=12.0,
    ),
    Section(
        "optimisations",
        "Each optimisation by itself",
        "What it gives where nothing else changes: the ratio is the time without over the time "
        "with it.",
        seconds=5.0,
    ),
    Section(
        "memory",
        "Page faults and the allocator",
        "glibc returns large blocks to the kernel when they are freed, and the kernel clears "
        "every page that it hands out again. `tuned` keeps them, by the environment variables "
        + ", ".join(f"`{name}={value}`" for name, value in ALLOCATORS["tuned"].items())
        + ".",
        allocators=("default", "tuned"),
        seconds=12.0,
        alone=True,  # for glibc's thresholds depend on what was freed before
    ),
    Section(
        "compiler",
        "The compiler itself",
        "`fpnc` imports neither torch nor timm.",
        phis=(0,),
    ),
)
BY_NAME = {section.name: section for section in SECTIONS}


@dataclass(frozen=True)
class Job:
    """One section in one process's setting."""

    section: str
    setting: Setting

    @property
    def key(self) -> str:
        """Names the job's finding."""
        s = self.setting
        quick = " quick" if s.quick else ""
        return f"{self.section} d{s.phi} t{s.threads} {s.allocator}{quick}"


def plan(
    only: Collection[str] = (),
    phis: Collection[int] = (),
    threads: Collection[int] = (),
    allocators: Collection[str] = (),
    quick: bool = False,
) -> list[Job]:
    """The jobs, in the order of the report; choices that are empty leave each section its own."""
    jobs = []
    for section in SECTIONS:
        if only and section.name not in only:
            continue
        own = section.name != "compiler"
        for phi in (phis or section.phis) if own else section.phis:
            for count in (threads or section.threads) if own else section.threads:
                for allocator in (allocators or section.allocators) if own else ("default",):
                    side = QUICK_SIDE if quick else 0
                    jobs.append(Job(section.name, Setting(phi, count, allocator, 1, side, quick)))
    if quick and not phis:
        jobs = [job for job in jobs if job.setting.phi == 0]
    if quick and not threads:
        jobs = [job for job in jobs if job.setting.threads == 2]
    return jobs


def processes(jobs: Sequence[Job]) -> list[list[Job]]:
    """The jobs of one setting together: threads and malloc cannot change in a process."""
    groups: dict[tuple[Setting, str], list[Job]] = {}
    for job in jobs:
        own = job.section if BY_NAME[job.section].alone else ""
        groups.setdefault((job.setting, own), []).append(job)
    return list(groups.values())
