"""PyTorch, eager, as its users tune it: slices of a tensor for batches, fused optimizers, inference mode."""

from functools import partial

import torch
from data import initial_weights, training_data
from torch import nn
from torch.nn import functional as F  # noqa: N812 (everyone calls it so)
from workload import Job, Network

VARIANT = ""


def setup(threads: int, variant: str) -> None:
    global VARIANT
    VARIANT = variant
    # Before anything runs in parallel: threads inherit the flag from the one that creates them.
    torch.set_flush_denormal(variant == "flush")
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
    weights = [torch.from_numpy(w) for w in initial_weights(net)]
    parts, n_in = [], net.inputs
    for i, (units, activation, dropout) in enumerate(net.layers):
        layer = nn.Linear(n_in, units)
        with torch.no_grad():
            layer.weight.copy_(weights[2 * i].T)
            layer.bias.copy_(weights[2 * i + 1])
        parts.append(layer)
        if activation and not (logits and i == len(net.layers) - 1 and net.loss != "mse"):
            parts.append(ACTIVATIONS[activation]())
        if dropout:
            parts.append(nn.Dropout(dropout))
        n_in = units
    return nn.Sequential(*parts)


def make_optimizer(parameters, name: str, rate: float, momentum: float = 0.0):
    fused = None if VARIANT == "default-optimizer" else True
    if name == "adam":
        return torch.optim.Adam(parameters, lr=rate, eps=1e-7, fused=fused)
    return torch.optim.SGD(parameters, lr=rate, momentum=momentum, fused=fused)


def train(**spec) -> Job:
    net = Network(**spec)
    x, y = (torch.from_numpy(a) for a in training_data(net))
    if net.loss == "sparse_categorical_crossentropy":
        y = y.long()
    model, criterion = build(net, logits=True), LOSSES[net.loss]
    optimizer = make_optimizer(model.parameters(), net.optimizer, net.learning_rate, net.momentum)

    def loss_of(bx, by):
        return criterion(model(bx), by)

    if VARIANT == "compile":
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

    return Job(epoch, net.steps, epoch())


def predict(batch_size: int, **spec) -> Job:
    net = Network(**spec)
    x = torch.from_numpy(training_data(net)[0])
    model = build(net, logits=False).eval()

    @torch.inference_mode()
    def run():
        torch.cat([model(x[i : i + batch_size]) for i in range(0, len(x), batch_size)]).numpy()

    return Job(run, len(x))


def latency(call: str, **spec) -> Job:
    net = Network(**spec)
    x = training_data(net)[0][:1]
    model = build(net, logits=False).eval()

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
