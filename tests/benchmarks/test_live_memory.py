import mmap

import torch
from torch import nn

from benchmarks.speed.live_memory import live_tensors, page_faults, resident_growth

MAP = 4 * 8 * 16 * 16  # bytes of a float map [1, 8, 16, 16]


def test_chain_holds_two_maps_at_once():
    x = torch.zeros(1, 8, 16, 16)

    def three_sums():
        y = x + 1
        y = y + 1
        return y + 1

    live = live_tensors(three_sums)
    assert (live.peak, live.allocated) == (2 * MAP, 3 * MAP)


def test_views_and_writes_in_place_allocate_nothing():
    x = torch.zeros(1, 8, 16, 16)

    def views():
        y = x.view(8, 256).t()
        return y.add_(1).relu_()

    live = live_tensors(views)
    assert (live.peak, live.allocated) == (0, 0)


def test_view_keeps_its_storage_alive():
    x = torch.zeros(1, 8, 16, 16)

    def views():
        corner = (x + 1)[:, :, :1, :1]
        other = x + 2
        return corner, other

    assert live_tensors(views).peak == 2 * MAP


def test_autograd_keeps_what_backward_needs():
    weight = torch.zeros(1, 8, 16, 16, requires_grad=True)

    def forward():
        return (weight.exp().exp() * 1).sum()

    assert live_tensors(forward).peak == 3 * MAP + 4
    with torch.inference_mode():
        assert live_tensors(forward).peak == 2 * MAP


def test_operations_within_operations_are_seen_without_autograd():
    norm = nn.BatchNorm2d(8).eval()
    x = torch.zeros(1, 8, 16, 16)
    with torch.no_grad():
        expected = live_tensors(lambda: norm(x))
    with torch.inference_mode():
        assert live_tensors(lambda: norm(x)) == expected


def test_weights_and_inputs_are_not_counted():
    conv, x = nn.Conv2d(8, 8, 3, padding=1), torch.zeros(1, 8, 16, 16)
    with torch.inference_mode():
        live = live_tensors(lambda: conv(x))
    assert (live.peak, live.allocated) == (MAP, MAP)


def test_page_faults_count_new_pages():
    # mapped, for an allocator may hand out pages again that an earlier test has freed
    fresh = torch.frombuffer(mmap.mmap(-1, 4 * 2**20), dtype=torch.uint8)
    assert page_faults(lambda: fresh.fill_(1)) > page_faults(lambda: fresh.fill_(1))


def test_resident_growth_is_of_the_order_of_what_is_written():
    grown = resident_growth(lambda: torch.ones(64 * 2**20 // 4))
    assert grown is None or 48e6 < grown < 128e6
