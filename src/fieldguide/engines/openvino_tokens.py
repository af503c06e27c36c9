"""Where an embedding is one token's, such as the class token of a transformer, the last layer computes it alone.

The other tokens are not used after the last attention. In a network of 12 layers they are a 14th of the arithmetic.
"""

from math import prod
from typing import Any

# What treats each element by itself, of networks for pictures
ELEMENTWISE = {"Add", "Subtract", "Multiply", "Divide", "Swish", "Gelu", "Sigmoid", "Tanh", "Relu", "Erf"}
ATTENTION = "ScaledDotProductAttention"

Port = tuple[int, int]


def has_attention(model: Any) -> bool:
    """Whether a network of OpenVINO's is a transformer."""
    return any(node.get_type_name() == ATTENTION for node in model.get_ops())


def compute_one_token(model: Any) -> None:
    """Change a network of fixed shapes so that the one token that is used is picked out as early as possible.

    From the operation that picks one place of an axis (`Gather`) one goes towards the input, as long as an operation
    treats the places of that axis alike, each by itself, and all that use its result need this one alone.
    """
    for node in model.get_ordered_ops():
        if node.get_type_name() == "Gather":
            place, axis = _scalar(node.input_value(1)), _scalar(node.input_value(2))
            if place is not None and axis is not None:
                _pick_early(model, node, place, axis % len(node.input(0).get_shape()))


def _pick_early(model: Any, gather: Any, place: int, axis: int) -> None:
    from openvino import opset13

    # Of an operation's input, the one axis of which a single place is needed
    axis_by_input: dict[Port, int] = {_port(gather.input(0)): axis}
    narrowed = False
    for node in reversed(model.get_ordered_ops()):  # what uses a result comes before what makes it
        if len(node.outputs()) != 1:
            continue
        uses = list(node.output(0).get_target_inputs())
        axes = {axis_by_input.get(_port(use)) for use in uses}
        needed = None
        if len(axes) == 1 and (axis_here := axes.pop()) is not None:
            needed = _needed(node, axis_here)
        if needed:
            axis_by_input |= {_port(node.input(number)): other for number, other in needed.items()}
            if node.get_type_name() == "Reshape":
                shape = [1 if n == axis_here else length for n, length in enumerate(node.output(0).get_shape())]
                node.input(1).replace_source_output(opset13.constant(shape, dtype="int64").output(0))
            narrowed = True
            continue
        for use in uses:
            if _port(use) in axis_by_input and _port(use) != _port(gather.input(0)):
                one = opset13.gather(node, opset13.constant([place]), opset13.constant(axis_by_input[_port(use)]))
                use.replace_source_output(one.output(0))
    if narrowed:
        gather.input(1).replace_source_output(opset13.constant(0, dtype="int64").output(0))
        model.validate_nodes_and_infer_types()


def _needed(node: Any, axis: int) -> dict[int, int]:
    """Say which axis of which inputs may shrink to one place if this one of the result does; none if that is not so."""
    kind, shape = node.get_type_name(), list(node.output(0).get_shape())
    inputs = [list(one.get_shape()) for one in node.inputs()]
    if kind in ELEMENTWISE:
        places = {number: axis - len(shape) + len(own) for number, own in enumerate(inputs)}
        return {number: own for number, own in places.items() if own >= 0 and inputs[number][own] == shape[axis]}
    if kind == "Transpose":
        return {0: _vector(node.input_value(1), len(shape))[axis]}
    if kind == "Reshape":
        before = prod(shape[:axis])
        same = [n for n, length in enumerate(inputs[0]) if length == shape[axis] and prod(inputs[0][:n]) == before]
        return dict.fromkeys([0], same[0]) if same else {}
    rows, attributes = len(shape) - 2, node.get_attributes()
    by_itself = (
        (kind == "MatMul" and axis == rows and len(inputs[1]) == 2 and not attributes["transpose_a"])
        or (kind == "MVN" and axis not in _vector(node.input_value(1), len(shape)))
        or (kind == ATTENTION and axis == rows and not any(inputs[3:]) and not attributes["causal"])
    )
    return {0: axis} if by_itself else {}


def _port(port: Any) -> Port:
    return port.get_node().get_instance_id(), port.get_index()


def _scalar(output: Any) -> int | None:
    node = output.get_node()
    return int(node.get_data()) if node.get_type_name() == "Constant" and not output.get_shape() else None


def _vector(output: Any, rank: int) -> list[int]:
    """Give a constant's axes, counted from the first."""
    return [int(axis) % rank for axis in output.get_node().get_data().reshape(-1)]
