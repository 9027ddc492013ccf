"""What a generated file may consist of: the last defence, which trusts nothing before it.

Templates, emit functions and lowering are made so that a spec's text cannot become code. Here the
result is read as a stranger's: its syntax tree is held against closed lists of node types, imports,
names, attributes, callees and decorators, and whatever is on no list is refused.

    what                     may be
    a block                  the text of the library, byte for byte; of our own, on the lists too
    another definition       what templates make of `MODEL_NODES`: no `try`, no `with`, no lambda
    a constant               a literal
    an import                one of `IMPORTS`, or one that a plug-in's block in the file uses

A plug-in's block is Python that the user installed, and may do what Python can: it is exempt from
the lists of nodes, names and attributes, but only as the very text that is installed, so that a
spec cannot add to it; what it may import is held by `plugin_source`, and it cannot take the name of
anything else. All other code of the file, such as what calls the block, is held against the lists.

A test holds each entry of the lists against the blocks and the shipped specs: what none uses goes.
"""

import ast

from fpncompiler.codegen.definitions import Import


class RenderError(Exception):
    """The compiler made a file that it must not write."""


# Inside of functions, which hold no further definitions and no imports.
MODEL_NODES = frozenset(
    """
    Add AnnAssign Assign Attribute BinOp Call Compare Constant Del Delete Dict Eq Expr For
    FormattedValue GeneratorExp If IfExp JoinedStr List ListComp Load Mult Name NotEq Raise Return
    Slice Starred Store Subscript Tuple USub UnaryOp arg arguments comprehension keyword
    """.split()
)
BLOCK_NODES = MODEL_NODES | frozenset(
    """
    And Assert BitOr BoolOp DictComp Div ExceptHandler FloorDiv Gt GtE In IsNot Lt Mod Not NotIn Or
    Pow Sub Try While With withitem
    """.split()
)
TOP_LEVEL = (ast.Import, ast.ImportFrom, ast.Assign, ast.ClassDef, ast.FunctionDef)

IMPORTS = frozenset(
    {
        Import("collections", "OrderedDict"),
        Import("collections.abc", "Callable"),
        Import("collections.abc", "Sequence"),
        Import("copy"),
        Import("math"),
        Import("timm"),
        Import("timm.layers.conv2d_same", "Conv2dSame"),
        Import("timm.layers.norm_act", "BatchNormAct2d"),
        Import("torch"),
        Import("torch", "Tensor"),
        Import("torch", "nn"),
        Import("torch.nn", "functional", "F"),
        Import("torch.nn.utils.fusion", "fuse_conv_bn_eval"),
        Import("torch.utils.checkpoint", "checkpoint"),
        Import("torchvision.ops", "nms"),
    }
)
BUILTINS = frozenset(
    """
    OSError RuntimeError ValueError bool dict enumerate float id int isinstance len list max min
    next range round str super tuple zip
    """.split()
)
DECORATORS = ("staticmethod", "torch.no_grad()")
# Of modules: what may be read of them, in full. Nothing of torch that loads, runs or compiles.
LIBRARY = frozenset(
    """
    F.avg_pool2d F.conv2d F.interpolate F.max_pool2d F.normalize F.pad F.pixel_shuffle F.unfold
    copy.deepcopy math.log math.prod math.sqrt nn.AvgPool2d nn.BatchNorm2d nn.Conv2d
    nn.ConvTranspose2d nn.GELU nn.Hardswish nn.Identity nn.LeakyReLU nn.MaxPool2d nn.Mish nn.Module
    nn.ModuleList nn.Parameter nn.ReLU nn.ReLU6 nn.Sequential nn.SiLU nn.Sigmoid nn.init.constant_
    nn.init.normal_ nn.init.ones_ nn.init.uniform_ nn.init.zeros_ timm.create_model
    timm.models.FeatureInfo torch.cat torch.channels_last torch.compiler.is_compiling
    torch.device torch.float32 torch.float64 torch.full torch.is_grad_enabled torch.maximum
    torch.meshgrid torch.no_grad torch.ones torch.rand torch.relu torch.softmax torch.stack
    torch.tensor torch.uint8 torch.zeros_like
    """.split()
)
# Of values: tensors, modules, lists, what timm says of its features.
ATTRIBUTES = frozenset(
    """
    abs act addcmul_ amax amin append argmax bias bit_length buffers channels chunk clamp clone
    convs copy_ data detach device dilation double dtype endswith exp feature_info flatten
    float gather get groups in_channels is_floating_point kernel_size load_state_dict
    max mean modules named_modules ndim new_zeros nonzero norms numel out_channels out_indices
    padding pairs parameters permute pointwise pop predict reduction register_buffer
    register_forward_hook register_forward_pre_hook remove removeprefix removesuffix replace
    requires_grad_ reshape rpartition rule run runs set_submodule shape sigmoid softmax sqrt
    startswith state_dict stride sum take to topk train transpose type unbind view watch weight
    weights
    """.split()
)
# Of these, what lowering and the templates name themselves, apart from blocks.
MODEL_LIBRARY = frozenset(
    """
    copy.deepcopy
    nn.AvgPool2d nn.BatchNorm2d nn.Conv2d nn.GELU nn.Hardswish nn.Identity nn.LeakyReLU nn.MaxPool2d
    nn.Mish nn.Module nn.ModuleList nn.ReLU nn.ReLU6 nn.Sequential nn.SiLU nn.Sigmoid
    torch.cat torch.channels_last torch.no_grad
    """.split()
)
MODEL_ATTRIBUTES = frozenset(
    """
    append argmax device requires_grad_ shape to train
    """.split()
)
MODULES = frozenset(name.partition(".")[0] for name in LIBRARY)
LARGEST = 2**63
