"""Names that a spec may give: they become Python identifiers, so the grammar is closed.

`[a-z][a-z0-9_]*`, at most 48 characters, 24 for a node, no double underscore, and nothing that
Python, torch's `nn.Module` or the generated file already means.
"""

import builtins
import keyword
import re

MAX_NAME = 48
MAX_NODE_NAME = 24  # a line of the generated file holds it four times

_NAME = re.compile(r"[a-z][a-z0-9_]*")

# Public attributes of torch.nn.Module; a test holds the list against torch.
MODULE_ATTRIBUTES = frozenset(
    """
    add_module apply bfloat16 buffers call_super_init children compile cpu cuda double
    dump_patches eval extra_repr float forward get_buffer get_extra_state get_parameter
    get_submodule half ipu load_state_dict modules mtia named_buffers named_children
    named_modules named_parameters parameters register_backward_hook register_buffer
    register_forward_hook register_forward_pre_hook register_full_backward_hook
    register_full_backward_pre_hook register_load_state_dict_post_hook
    register_load_state_dict_pre_hook register_module register_parameter
    register_state_dict_post_hook register_state_dict_pre_hook requires_grad_
    set_extra_state set_submodule share_memory state_dict to to_empty train training type
    xpu zero_grad
    """.split()
)

# Names that generated files use themselves, and the two input families of the language.
TEMPLATE_NAMES = frozenset(
    """
    avg_pool backbone channels crop_like downsample_bilinear features in layers math
    max_pool_exact max_pool_same max_pool_symmetric maximum mean network nn self timm torch
    upsample_bilinear upsample_bilinear_by upsample_nearest upsample_nearest_by weighted_sum
    weights_at
    """.split()
)

RESERVED = (
    frozenset(keyword.kwlist)
    | frozenset(keyword.softkwlist)
    | frozenset(name for name in dir(builtins) if name.islower())
    | MODULE_ATTRIBUTES
    | TEMPLATE_NAMES
)


def name_fault(name: str, longest: int = MAX_NAME) -> str:
    """Why `name` cannot be a name in a spec; empty if it can."""
    if not _NAME.fullmatch(name):
        return "a name has lower-case letters, digits and `_`, and begins with a letter"
    if len(name) > longest:
        return f"a name has {longest} characters at most"
    if "__" in name or name.endswith("_"):
        return "a name has no double and no final underscore"
    if "_to_" in f"_{name}_":
        return "`to` between underscores is what adapters are called by"
    if name.startswith("shared_"):
        return "`shared_` is what weights that nodes share are called by"
    if name in RESERVED:
        return "this name means something in Python or PyTorch already"
    return ""
