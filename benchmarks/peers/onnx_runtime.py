"""ONNX Runtime, prediction only. The model file is written by hand: the `onnx` package is not needed."""

import numpy as np
import onnxruntime
from data import initial_weights, training_data
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


def value_info(name: str, width: int) -> bytes:
    """ValueInfoProto of a float32 matrix (batch, width): the batch is symbolic."""
    shape = field(1, field(2, "batch")) + field(1, field(1, width))
    return field(1, name) + field(2, field(1, field(1, 1) + field(2, shape)))


def model_bytes(net: Network) -> bytes:
    """ModelProto (onnx.proto3, operator set 17) of Gemm and activation nodes."""
    weights, nodes, tensors, last = initial_weights(net), b"", b"", "x"
    for i, (_, activation, _) in enumerate(net.layers):
        tensors += field(5, tensor(f"w{i}", weights[2 * i])) + field(5, tensor(f"b{i}", weights[2 * i + 1]))
        chain = [("Gemm", [last, f"w{i}", f"b{i}"], f"z{i}")]
        if activation:
            chain.append((NODES[activation], [f"z{i}"], f"a{i}"))
        for kind, inputs, output in chain:
            nodes += field(1, b"".join(field(1, name) for name in inputs) + field(2, output) + field(4, kind))
            last = output
    ends = field(11, value_info("x", net.inputs)) + field(12, value_info(last, net.layers[-1][0]))
    graph = nodes + field(2, "mlp") + tensors + ends
    return field(1, 8) + field(7, graph) + field(8, field(1, "") + field(2, 17))


def session(net: Network) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = THREADS
    options.inter_op_num_threads = 1
    return onnxruntime.InferenceSession(model_bytes(net), options, providers=["CPUExecutionProvider"])


def predict(batch_size: int, **spec) -> Job:
    net = Network(**spec)
    x, model = training_data(net)[0], session(net)
    result = np.empty((len(x), net.layers[-1][0]), np.float32)

    def run():
        for i in range(0, len(x), batch_size):
            result[i : i + batch_size] = model.run(None, {"x": x[i : i + batch_size]})[0]

    return Job(run, len(x))


def latency(call: str, **spec) -> Job:
    net = Network(**spec)
    x, model = training_data(net)[0][:1], session(net)
    return Job(lambda: model.run(None, {"x": x}) is None, 1)
