"""NumPy as an expert writes it: float32, buffers allocated once, every operation in place."""

from functools import partial

import numpy as np
from data import initial_weights, training_data
from workload import Job, Network

# Elements of the optimizer's working set: four streams of this length stay in a second-level cache.
BLOCK = 32768


def setup(threads: int, variant: str) -> None:
    """OPENBLAS_NUM_THREADS has been set; nothing else uses threads."""


class Adam:
    def __init__(self, theta, rate, momentum, b1=0.9, b2=0.999, eps=1e-7):
        self.m, self.v, self.t = np.zeros_like(theta), np.zeros_like(theta), 0
        self.rate, self.b1, self.b2, self.eps = rate, b1, b2, eps
        self.work = np.empty(min(BLOCK, theta.size), np.float32)

    def step(self, theta, grad):
        self.t += 1
        rate = np.float32(self.rate * (1 - self.b2**self.t) ** 0.5 / (1 - self.b1**self.t))
        for i in range(0, theta.size, BLOCK):
            block = slice(i, i + BLOCK)
            p, g, m, v = theta[block], grad[block], self.m[block], self.v[block]
            w = self.work[: p.size]
            np.subtract(g, m, out=w)
            w *= 1 - self.b1
            m += w
            np.multiply(g, g, out=w)
            w -= v
            w *= 1 - self.b2
            v += w
            np.sqrt(v, out=w)
            w += self.eps
            np.divide(m, w, out=w)
            w *= rate
            p -= w


class Sgd:
    def __init__(self, theta, rate, momentum):
        self.velocity, self.rate, self.momentum = np.zeros_like(theta), rate, momentum

    def step(self, theta, grad):
        grad *= -self.rate
        if self.momentum:
            self.velocity *= self.momentum
            self.velocity += grad
            theta += self.velocity
        else:
            theta += grad


def flat_views(flat, shapes):
    """Views of one flat buffer with the given shapes, one after the other."""
    views, start = [], 0
    for shape in shapes:
        size = int(np.prod(shape))
        views.append(flat[start : start + size].reshape(shape))
        start += size
    return views


class Mlp:
    """Forward, backward and update over preallocated buffers; parameters and gradients are flat."""

    def __init__(self, net: Network, batch: int):
        weights = initial_weights(net)
        self.net, self.rng = net, np.random.default_rng(3)
        self.theta = np.concatenate([w.ravel() for w in weights])
        self.grad = np.zeros_like(self.theta)
        self.weights, self.grads = (flat_views(f, [w.shape for w in weights]) for f in (self.theta, self.grad))
        self.optimizer = {"adam": Adam, "sgd": Sgd}[net.optimizer](self.theta, net.learning_rate, net.momentum)
        self.out = [np.empty((batch, layer[0]), np.float32) for layer in net.layers]
        self.delta = [np.empty_like(a) for a in self.out]
        self.alive = [np.empty(a.shape, bool) for a in self.out]
        self.rows = np.arange(batch)

    def forward(self, x, training=False):
        for i, (_, activation, dropout) in enumerate(self.net.layers):
            a = self.out[i]
            np.dot(x, self.weights[2 * i], out=a)
            a += self.weights[2 * i + 1]
            if activation == "relu":
                np.maximum(a, 0, out=a)
            elif activation == "sigmoid":
                np.negative(a, out=a)
                np.exp(a, out=a)
                a += 1
                np.reciprocal(a, out=a)
            elif activation == "softmax":
                a -= a.max(1, keepdims=True)
                np.exp(a, out=a)
                a /= a.sum(1, keepdims=True)
            if training and dropout:
                draw = self.delta[i]  # free until the backward pass
                self.rng.random(dtype=np.float32, out=draw)
                np.greater(draw, dropout, out=self.alive[i])
                a *= self.alive[i]
                a *= np.float32(1 / (1 - dropout))
            x = a
        return x

    def loss_and_delta(self, y):
        """Loss; leaves its gradient by the last layer's output *before* the activation in `delta[-1]`."""
        p, d = self.out[-1], self.delta[-1]
        if self.net.loss == "sparse_categorical_crossentropy":
            loss = -np.log(p[self.rows, y]).sum() / len(y)
            np.copyto(d, p)
            d[self.rows, y] -= 1
            d *= np.float32(1 / len(y))
            return loss
        np.subtract(p, y, out=d)
        if self.net.loss == "binary_crossentropy":
            loss = -np.log(1 - np.abs(d)).sum() / d.size
            d *= np.float32(1 / d.size)
            return loss
        flat = d.ravel()
        loss = flat.dot(flat) / d.size
        d *= np.float32(2 / d.size)
        if self.net.layers[-1][1] == "sigmoid":
            d *= p
            d *= 1 - p
        return loss

    def step(self, x, y):
        self.forward(x, training=True)
        loss = self.loss_and_delta(y)
        for i in range(len(self.net.layers) - 1, -1, -1):
            below, d = (self.out[i - 1] if i else x), self.delta[i]
            np.dot(below.T, d, out=self.grads[2 * i])
            d.sum(0, out=self.grads[2 * i + 1])
            if i:
                d_below, dropout = self.delta[i - 1], self.net.layers[i - 1][2]
                np.dot(d, self.weights[2 * i].T, out=d_below)
                # A unit that ReLU or dropout switched off has output 0, so one mask serves both.
                np.greater(below, 0, out=self.alive[i - 1])
                d_below *= self.alive[i - 1]
                if dropout:
                    d_below *= np.float32(1 / (1 - dropout))
        self.optimizer.step(self.theta, self.grad)
        return loss


def train(**spec) -> Job:
    net = Network(**spec)
    x, y = training_data(net)
    model = Mlp(net, net.batch)
    batches = [(x[i : i + net.batch], y[i : i + net.batch]) for i in range(0, net.samples, net.batch)]

    def epoch():
        total = 0.0
        for bx, by in batches:
            total += model.step(bx, by)
        return float(total / net.steps)

    return Job(epoch, net.steps, epoch())


def predict(batch_size: int, **spec) -> Job:
    net = Network(**spec)
    x, _ = training_data(net)
    model = Mlp(net, batch_size)
    result = np.empty((len(x), net.layers[-1][0]), np.float32)

    def run():
        for i in range(0, len(x), batch_size):
            result[i : i + batch_size] = model.forward(x[i : i + batch_size])

    return Job(run, len(x))


def latency(call: str, **spec) -> Job:
    net = Network(**spec)
    x = training_data(net)[0][:1]
    model = Mlp(net, 1)
    return Job(lambda: model.forward(x).copy() is None, 1)


def adam_flat(shapes: list) -> Job:
    n = sum(int(np.prod(s)) for s in shapes)
    rng = np.random.default_rng(5)
    theta, grad = (rng.standard_normal(n, dtype=np.float32) for _ in range(2))
    optimizer = Adam(theta, 1e-3, 0)
    return Job(partial(optimizer.step, theta, grad), 1)


def dense(batch: int, inputs: int, units: int) -> Job:
    rng = np.random.default_rng(5)
    x, dy, w = (rng.standard_normal(s, dtype=np.float32) for s in ((batch, inputs), (batch, units), (inputs, units)))
    b, db, dw, dx = np.zeros(units, np.float32), np.zeros(units, np.float32), np.empty_like(w), np.empty_like(x)
    y, d, alive = np.empty_like(dy), np.empty_like(dy), np.empty(dy.shape, bool)

    def run():
        np.dot(x, w, out=y)
        np.add(y, b, out=y)
        np.maximum(y, 0, out=y)
        np.greater(y, 0, out=alive)
        np.multiply(dy, alive, out=d)
        np.dot(x.T, d, out=dw)
        d.sum(0, out=db)
        np.dot(d, w.T, out=dx)

    return Job(run, 1)


def sigmoid(x, out):
    np.negative(x, out=out)
    np.exp(out, out=out)
    np.add(out, 1, out=out)
    np.reciprocal(out, out=out)


def softmax(x, out):
    np.subtract(x, x.max(1, keepdims=True), out=out)
    np.exp(out, out=out)
    np.divide(out, out.sum(1, keepdims=True), out=out)


def gelu(x, out):
    """The tanh form: NumPy has no erf."""
    np.multiply(x, x, out=out)
    np.multiply(out, 0.044715 * 0.7978845608, out=out)
    np.add(out, 0.7978845608, out=out)
    np.multiply(out, x, out=out)
    np.tanh(out, out=out)
    np.add(out, 1, out=out)
    np.multiply(out, x, out=out)
    np.multiply(out, 0.5, out=out)


OPS = {
    "relu": lambda x, y, out: np.maximum(x, 0, out=out),
    "sigmoid": lambda x, y, out: sigmoid(x, out),
    "softmax": lambda x, y, out: softmax(x, out),
    "gelu": lambda x, y, out: gelu(x, out),
    "add": lambda x, y, out: np.add(x, y, out=out),
    "multiply": lambda x, y, out: np.multiply(x, y, out=out),
    "scale": lambda x, y, out: np.multiply(x, 1.5, out=out),
    "sum": lambda x, y, out: x.sum(),
    "max": lambda x, y, out: x.max(),
    "mean_rows": lambda x, y, out: x.mean(1),
}


def op(name: str, shape: list) -> Job:
    rng = np.random.default_rng(5)
    x, y = (rng.uniform(0.1, 2, shape).astype(np.float32) for _ in range(2))
    out = np.empty_like(x)
    if name in OPS:
        call = partial(OPS[name], x, y, out)
    else:
        call = partial(getattr(np, name), x, out=out)
    return Job(lambda: call() is None, x.size)


def gemm(m: int, k: int, n: int, transposed: bool) -> Job:
    rng = np.random.default_rng(5)
    a = rng.standard_normal((k, m) if transposed else (m, k), dtype=np.float32)
    b, out = rng.standard_normal((k, n), dtype=np.float32), np.empty((m, n), np.float32)
    a = a.T if transposed else a
    return Job(lambda: np.matmul(a, b, out=out) is None, 1)
