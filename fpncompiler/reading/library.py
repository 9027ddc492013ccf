"""What functions and methods of Python and torch give, where a constructor calls them."""

from fpncompiler.reading.arithmetic import (
    MAX_ITEMS,
    calculated,
    is_calculation,
    nested_shape,
    shape_of,
    without_dimension,
)
from fpncompiler.reading.program import frozen
from fpncompiler.reading.values import (
    Instance,
    NotUnderstoodError,
    Tensor,
    Unknown,
    Value,
)

_STARTS = {"torch.ones": "ones", "torch.zeros": "zeros"}
_DRAWN = frozenset({"torch.empty", "torch.rand", "torch.randn"})
_ELEMENTWISE = frozenset({"torch.relu", "torch.sigmoid", "torch.softmax", "torch.exp"})
# Methods that leave weights and outputs as they are; those of tensors keep the shape.
_PLAIN_METHODS = frozenset({"eval", "requires_grad_", "to", "train"})
_SAME_SHAPE = frozenset(
    "abs clone contiguous detach double exp float half relu sigmoid sqrt to type".split()
)


def python_call(name: str, arguments: list[Value]) -> Value:
    """What a function of Python gives: `range`, `len`, `list`, `math.sqrt`.

    Raises:
        NotUnderstoodError: it is another one, or its arguments are.
    """
    if is_calculation(name):
        return calculated(name, arguments)
    match name, arguments:
        case "range", _:
            return _range(arguments)
        case "len", [list() | tuple() as items]:
            return len(items)
        case "len", [Instance() as module]:
            return len(module.children)
        case "list", [list() | tuple() as items]:
            return [*items]
        case "tuple", [list() | tuple() as items]:
            return tuple(items)
        case "reversed", [list() | tuple() as items]:
            return [*items][::-1]
        case "str", _:
            return Unknown()
        case _:
            raise NotUnderstoodError(f"a call of `{name}`")


def torch_call(name: str, arguments: list[Value], words: dict[str, Value]) -> Tensor | None:
    """The tensor that a function of torch gives; None for functions that are not known."""
    if name in _STARTS:
        return Tensor(shape_of(_sizes(arguments, words)), _STARTS[name])
    if name in _DRAWN:
        return Tensor(shape_of(_sizes(arguments, words)), "random")
    match name, arguments:
        case "torch.full", [sizes, value]:
            return Tensor(shape_of([sizes]), f"{frozen(value)}")
        case "torch.tensor", [value]:
            return Tensor(nested_shape(value), f"{frozen(value)}")
        case "torch.arange", [int() as count] if not isinstance(count, bool):
            return Tensor((max(count, 0),), "arange")
        case (("torch.zeros_like" | "torch.ones_like"), [Tensor() as like]):
            return Tensor(like.shape, name.partition(".")[2].removesuffix("_like"))
        case (("nn.Parameter" | "torch.nn.Parameter"), [Tensor() as tensor]):
            return Tensor(tensor.shape, tensor.start, is_parameter=True)
        case _ if name in _ELEMENTWISE and arguments and isinstance(arguments[0], Tensor):
            return Tensor(arguments[0].shape, "computed")
    return None


def tensor_method(
    tensor: Tensor, name: str, arguments: list[Value], words: dict[str, Value]
) -> Value:
    """What a method of a tensor gives."""
    if name in _SAME_SHAPE:
        return Tensor(tensor.shape, tensor.start)
    if name in ("sum", "mean"):
        dimension = words.get("dim", arguments[0] if arguments else None)
        return Tensor(without_dimension(tensor.shape, dimension), "computed")
    raise NotUnderstoodError(f"the method `{name}` of a tensor")


def module_method(
    module: Instance, name: str, arguments: list[Value], words: dict[str, Value]
) -> Value:
    """What a method that every module has gives."""
    if name in _PLAIN_METHODS:
        return module
    if name == "register_buffer":
        _register(module, arguments, words)
        return None
    raise NotUnderstoodError(f"the method `{name}` of a module")


def container(name: str, items: list[Value]) -> Instance:
    """A Sequential or ModuleList; its parts are numbered, or named by a dictionary."""
    made = Instance(name)
    only = items[0] if len(items) == 1 else None
    if isinstance(only, dict):
        named = [*only.items()]
    else:
        parts = only if isinstance(only, list | tuple) and name == "nn.ModuleList" else items
        named = [(str(i), part) for i, part in enumerate(parts)]
    for key, part in named:
        if not isinstance(part, Instance):
            raise NotUnderstoodError(f"a part of {name} that is no module")
        made.children[key] = part
    return made


def _sizes(arguments: list[Value], words: dict[str, Value]) -> list[Value]:
    return [words["size"]] if "size" in words else arguments


def _range(arguments: list[Value]) -> Value:
    numbers = [each for each in arguments if isinstance(each, int)]
    if len(numbers) != len(arguments) or not 1 <= len(numbers) <= 3 or 0 in numbers[2:]:
        raise NotUnderstoodError("a range of other than numbers")
    found = range(*numbers)
    if len(found) > MAX_ITEMS:
        raise NotUnderstoodError(f"a range of more than {MAX_ITEMS}")
    return [*found]


def _register(module: Instance, arguments: list[Value], words: dict[str, Value]) -> None:
    given = dict(zip(("name", "tensor", "persistent"), arguments, strict=False)) | words
    name, tensor = given.get("name"), given.get("tensor")
    if not isinstance(name, str) or not isinstance(tensor, Tensor | None):
        raise NotUnderstoodError("a buffer that is no tensor")
    if tensor is not None and given.get("persistent", True):
        module.weights[name] = Tensor(tensor.shape, tensor.start)
    else:
        module.settings[name] = tensor
