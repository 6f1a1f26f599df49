"""PyTorch as its users tune it: slices of a tensor for batches, fused optimizers, inference mode.

The variant is any of these words: "flush" (denormal numbers), "channels-last" (layout of images), "compile"
(torch.compile), "script" (traced and frozen, prediction only), "default-optimizer".
"""

from functools import partial

import numpy as np
import torch
from data import convolution_arrays, fingerprint, initial_weights, log_loss, training_data
from torch import nn
from torch.nn import functional as F  # noqa: N812 (everyone calls it so)
from workload import Job, Network

VARIANT: list[str] = []


def setup(threads: int, variant: str) -> None:
    global VARIANT
    VARIANT = variant.split()
    # Before anything runs in parallel: threads inherit the flag from the one that creates them.
    torch.set_flush_denormal("flush" in VARIANT)
    torch.set_num_threads(threads)
    torch.set_num_interop_threads(1)


ACTIVATIONS = {"relu": nn.ReLU, "sigmoid": nn.Sigmoid, "softmax": partial(nn.Softmax, dim=1)}
LOSSES = {
    "mse": F.mse_loss,
    "binary_crossentropy": F.binary_cross_entropy_with_logits,
    "sparse_categorical_crossentropy": F.cross_entropy,
}


def build(net: Network, logits: bool) -> nn.Sequential:
    """The model; with `logits` the activation that the loss contains already is left out."""
    weights = iter(initial_weights(net))
    parts, flat = [], None  # flat: the shape that was flattened just before
    for word, arguments, shape in net.stack():
        match word:
            case "conv":
                filters, size, padding, _ = arguments
                layer = nn.Conv2d(shape[-1], filters, size, padding=size // 2 if padding == "same" else 0)
                fill(layer.weight, next(weights).transpose(3, 2, 0, 1))
                fill(layer.bias, next(weights))
            case "dense":
                layer = nn.Linear(shape[0], arguments[0])
                w = next(weights)
                if flat:  # rows in the order height, width, channel; here it is channel, height, width
                    w, flat = w.reshape(*flat, -1).transpose(2, 0, 1, 3).reshape(w.shape), None
                fill(layer.weight, w.T)
                fill(layer.bias, next(weights))
            case "norm":
                layer = nn.BatchNorm2d(shape[-1], eps=1e-3, momentum=0.01)  # Keras' numbers
                for value in (layer.weight, layer.bias, layer.running_mean, layer.running_var):
                    fill(value, next(weights))
            case "activation":
                layer = ACTIVATIONS[arguments[0]]()
            case "pool":
                layer = nn.MaxPool2d(arguments[0])
            case "dropout":
                layer = nn.Dropout(arguments[0])
            case "flatten":
                layer, flat = nn.Flatten(), shape
        parts.append(layer)
        if word in ("conv", "dense") and arguments[-1]:
            parts.append(ACTIVATIONS[arguments[-1]]())
    if logits and net.loss != "mse":
        parts.pop()  # the last activation
    model = nn.Sequential(*parts)
    return model.to(memory_format=torch.channels_last) if "channels-last" in VARIANT else model


@torch.no_grad()
def fill(parameter, value: np.ndarray) -> None:
    parameter.copy_(torch.from_numpy(np.ascontiguousarray(value)))


def inputs(x: np.ndarray) -> torch.Tensor:
    """Images in the layout of the model: (N, C, H, W), its memory in that order or with the channels last."""
    if x.ndim == 2:
        return torch.from_numpy(x)
    layout = torch.channels_last if "channels-last" in VARIANT else torch.contiguous_format
    return torch.from_numpy(x).permute(0, 3, 1, 2).contiguous(memory_format=layout)


def make_optimizer(parameters, name: str, rate: float, momentum: float = 0.0):
    fused = None if "default-optimizer" in VARIANT else True
    if name == "adam":
        return torch.optim.Adam(parameters, lr=rate, eps=1e-7, fused=fused)
    return torch.optim.SGD(parameters, lr=rate, momentum=momentum, fused=fused)


def train(**spec) -> Job:
    net = Network(**spec)
    epoch = training(net)
    return Job(epoch, net.steps, epoch())


def training(net: Network):
    """A function that trains for an epoch and returns its loss; the model is built, nothing has run."""
    x, y = training_data(net)
    x, y = inputs(x), torch.from_numpy(y)
    if net.loss == "sparse_categorical_crossentropy":
        y = y.long()
    model, criterion = build(net, logits=True), LOSSES[net.loss]
    optimizer = make_optimizer(model.parameters(), net.optimizer, net.learning_rate, net.momentum)

    def loss_of(bx, by):
        return criterion(model(bx), by)

    if "compile" in VARIANT:
        torch._dynamo.reset()
        loss_of = torch.compile(loss_of)

    def epoch():
        total = torch.zeros(())
        for i in range(0, net.samples, net.batch):
            optimizer.zero_grad()
            loss = loss_of(x[i : i + net.batch], y[i : i + net.batch])
            loss.backward()
            optimizer.step()
            total += loss.detach()
        return float(total) / net.steps

    return epoch


def predictor(net: Network, example: torch.Tensor):
    model = build(net, logits=False).eval()
    if "compile" in VARIANT:
        torch._dynamo.reset()  # what the last workload left
        torch._inductor.config.freezing = True  # weights are constants, packed once
        return torch.compile(model, dynamic=False)
    if "script" in VARIANT:
        with torch.no_grad():
            return torch.jit.optimize_for_inference(torch.jit.freeze(torch.jit.trace(model, example)))
    return model


def predict(batch_size: int, **spec) -> Job:
    net = Network(**spec)
    x = inputs(training_data(net)[0])
    model = predictor(net, x[:batch_size])

    @torch.inference_mode()
    def run():
        return torch.cat([model(x[i : i + batch_size]) for i in range(0, len(x), batch_size)]).numpy()

    return Job(lambda: run() is None, len(x), log_loss(run(), net))


def latency(call: str, **spec) -> Job:
    net = Network(**spec)
    x = inputs(training_data(net)[0][:1]).numpy()
    model = predictor(net, torch.from_numpy(x))

    @torch.inference_mode()
    def run():
        model(torch.from_numpy(x)).numpy()

    return Job(run, 1)


def adam_flat(shapes: list) -> Job:
    parameters = [torch.randn(*s).requires_grad_() for s in shapes]
    for p in parameters:
        p.grad = torch.randn_like(p)
    optimizer = make_optimizer(parameters, "adam", 1e-3)
    return Job(lambda: optimizer.step(), 1)


def dense(batch: int, inputs: int, units: int) -> Job:
    layer = nn.Linear(inputs, units)
    x, dy = torch.randn(batch, inputs).requires_grad_(), torch.randn(batch, units)

    def run():
        layer.weight.grad = layer.bias.grad = x.grad = None
        torch.relu(layer(x)).backward(dy)

    return Job(run, 1)


OPS = {
    "gelu": lambda x, y: F.gelu(x, approximate="tanh"),
    "softmax": lambda x, y: torch.softmax(x, 1),
    "add": torch.add,
    "multiply": torch.mul,
    "scale": lambda x, y: x * 1.5,
    "mean_rows": lambda x, y: x.mean(1),
}


def op(name: str, shape: list) -> Job:
    x, y = torch.rand(*shape) + 0.1, torch.rand(*shape)
    call = partial(OPS[name], x, y) if name in OPS else partial(getattr(torch, name), x)

    @torch.inference_mode()
    def run():
        call()

    return Job(run, x.numel())


def gemm(m: int, k: int, n: int, transposed: bool) -> Job:
    a = torch.randn(k, m).T if transposed else torch.randn(m, k)
    b, out = torch.randn(k, n), torch.empty(m, n)
    return Job(lambda: torch.mm(a, b, out=out) is None, 1)


def convolution(direction: str, window: list, strides: int, padding: str, groups: int, **spec) -> Job:
    """The passes as autograd calls them, one at a time."""
    arrays = convolution_arrays(window=window, strides=strides, padding=padding, groups=groups, **spec)
    rank = len(window)
    x, kernel, gradient = (torch.from_numpy(a) for a in arrays)
    x, gradient = (a.movedim(-1, 1) for a in (x, gradient))
    kernel = kernel.movedim((-1, -2), (0, 1))
    last = {2: torch.channels_last, 3: torch.channels_last_3d}.get(rank) if "channels-last" in VARIANT else None
    if last is None or rank == 1:
        x, kernel, gradient = (a.contiguous() for a in (x, kernel, gradient))
    else:
        x, kernel, gradient = (a.contiguous(memory_format=last) for a in (x, kernel, gradient))
    total = [max((n - 1) * strides + k - m, 0) for n, k, m in zip(gradient.shape[2:], window, x.shape[2:], strict=True)]
    pads = [0] * rank if padding == "valid" else [-(-t // 2) for t in total]
    constants = ([strides] * rank, pads, [1] * rank, False, [0] * rank, groups)
    # Keras pads an odd number with one more at the end, PyTorch with the same at both: as much work, other numbers.
    compared = padding == "valid" or not any(t % 2 for t in total)

    @torch.inference_mode()
    def run():
        if direction == "forward":
            return torch.ops.aten.convolution(x, kernel, None, *constants)
        mask = [direction == "data", direction == "weights", False]
        return torch.ops.aten.convolution_backward(gradient, x, kernel, None, *constants, mask)[mask.index(True)]

    result = run().movedim((0, 1), (-1, -2)) if direction == "weights" else run().movedim(1, -1)
    return Job(lambda: run() is None, 1, fingerprint(result.contiguous().numpy()) if compared else None)
