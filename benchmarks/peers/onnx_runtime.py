"""ONNX Runtime, prediction only. The model file is written by hand: the `onnx` package is not needed."""

import struct

import numpy as np
import onnxruntime
from data import initial_weights, log_loss, training_data
from workload import Job, Network

THREADS = 1
NODES = {"relu": "Relu", "sigmoid": "Sigmoid", "softmax": "Softmax"}


def setup(threads: int, variant: str) -> None:
    global THREADS
    THREADS = threads


def varint(n: int) -> bytes:
    out = b""
    while n > 127:
        out += bytes([n & 127 | 128])
        n >>= 7
    return out + bytes([n])


def field(number: int, value) -> bytes:
    """One protobuf field: an integer, a string or bytes (https://protobuf.dev/programming-guides/encoding/)."""
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    value = value.encode() if isinstance(value, str) else value
    return varint(number << 3 | 2) + varint(len(value)) + value


def tensor(name: str, a: np.ndarray) -> bytes:
    """TensorProto: dims 1, data_type 2 (1 = float32), name 8, raw_data 9."""
    return b"".join(field(1, d) for d in a.shape) + field(2, 1) + field(8, name) + field(9, a.tobytes())


def value_info(name: str, shape: tuple) -> bytes:
    """ValueInfoProto of a float32 array (batch, *shape): the batch is symbolic."""
    dims = field(1, field(2, "batch")) + b"".join(field(1, field(1, n)) for n in shape)
    return field(1, name) + field(2, field(1, field(1, 1) + field(2, dims)))


def attribute(name: str, value) -> bytes:
    """AttributeProto: name 1, f 2 (type 1) or ints 8 (type 7)."""
    if isinstance(value, float):
        return field(1, name) + varint(2 << 3 | 5) + struct.pack("<f", value) + field(20, 1)
    return field(1, name) + b"".join(field(8, v) for v in value) + field(20, 7)


def node(kind: str, inputs: list, output: str, attributes: dict) -> bytes:
    """NodeProto: inputs 1, output 2, operator 4, attributes 5."""
    ends = b"".join(field(1, name) for name in inputs) + field(2, output)
    return ends + field(4, kind) + b"".join(field(5, attribute(k, v)) for k, v in attributes.items())


def model_bytes(net: Network) -> bytes:
    """ModelProto (onnx.proto3, operator set 17). Images are (batch, channels, height, width), as an exporter writes them."""
    weights, flat = iter(initial_weights(net)), None
    nodes, tensors, last = b"", b"", "x"

    def add(kind: str, constants: list, **attributes):
        nonlocal nodes, tensors, last
        output = f"{kind}{len(nodes)}"
        names = [f"{output}.{i}" for i in range(len(constants))]
        tensors += b"".join(field(5, tensor(n, np.ascontiguousarray(a))) for n, a in zip(names, constants, strict=True))
        nodes += field(1, node(kind, [last, *names], output, attributes))
        last = output

    for word, arguments, shape in net.stack():
        match word:
            case "conv":
                pad = arguments[1] // 2 if arguments[2] == "same" else 0
                add("Conv", [next(weights).transpose(3, 2, 0, 1), next(weights)], pads=[pad] * 4)
            case "dense":
                w = next(weights)
                if flat:  # rows in the order height, width, channel; here it is channel, height, width
                    w, flat = w.reshape(*flat, -1).transpose(2, 0, 1, 3).reshape(w.shape), None
                add("Gemm", [w, next(weights)])
            case "norm":
                add("BatchNormalization", [next(weights) for _ in range(4)], epsilon=1e-3)
            case "activation":
                add(NODES[arguments[0]], [])
            case "pool":
                add("MaxPool", [], kernel_shape=[arguments[0]] * 2, strides=[arguments[0]] * 2)
            case "flatten":
                add("Flatten", [])
                flat = shape
        if word in ("conv", "dense") and arguments[-1]:
            add(NODES[arguments[-1]], [])
    shape = (net.inputs[2], *net.inputs[:2]) if net.images else (net.inputs,)
    ends = field(11, value_info("x", shape)) + field(12, value_info(last, (net.outputs,)))
    graph = nodes + field(2, "network") + tensors + ends
    return field(1, 8) + field(7, graph) + field(8, field(1, "") + field(2, 17))


def inputs(net: Network) -> np.ndarray:
    x = training_data(net)[0]
    return np.ascontiguousarray(x.transpose(0, 3, 1, 2)) if net.images else x


def session(net: Network) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = THREADS
    options.inter_op_num_threads = 1
    return onnxruntime.InferenceSession(model_bytes(net), options, providers=["CPUExecutionProvider"])


def predict(batch_size: int, **spec) -> Job:
    net = Network(**spec)
    x, model = inputs(net), session(net)
    result = np.empty((len(x), net.outputs), np.float32)

    def run():
        for i in range(0, len(x), batch_size):
            result[i : i + batch_size] = model.run(None, {"x": x[i : i + batch_size]})[0]
        return result

    return Job(lambda: run() is None, len(x), log_loss(run(), net))


def latency(call: str, **spec) -> Job:
    net = Network(**spec)
    x, model = inputs(net)[:1], session(net)
    return Job(lambda: model.run(None, {"x": x}) is None, 1)
