"""JAX: one compiled step per batch, or (variant "scan") one XLA program for a whole epoch.

"scan" is a floor: a training loop that looks at anything between two batches cannot have it.
"""

from functools import partial

import jax
import numpy as np
from data import initial_weights, log_loss, training_data
from jax import lax
from jax import numpy as jnp
from workload import Job, Network

VARIANT = ""


def setup(threads: int, variant: str) -> None:
    """The process is pinned: XLA takes as many threads as there are cores it may use."""
    global VARIANT
    VARIANT = variant
    jax.config.update("jax_platforms", "cpu")


ACTIVATIONS = {"relu": jax.nn.relu, "sigmoid": jax.nn.sigmoid, "softmax": jax.nn.softmax, None: lambda z: z}


def forward(net: Network, params, x, key=None, logits=False):
    """The output, and moving statistics by their number among the parameters. With a key: in training."""
    moved, p, stack = {}, 0, net.stack()
    for i, (word, arguments, _) in enumerate(stack):
        match word:
            case "conv":
                x = lax.conv_general_dilated(x, params[p], (1, 1), arguments[2].upper(), dimension_numbers=("NHWC", "HWIO", "NHWC"))
                x, p = ACTIVATIONS[arguments[-1]](x + params[p + 1]), p + 2
            case "dense":
                x, p = x @ params[p] + params[p + 1], p + 2
                if not (logits and i == len(stack) - 1 and net.loss != "mse"):
                    x = ACTIVATIONS[arguments[-1]](x)
            case "norm":
                scale, shift, mean, variance = params[p : p + 4]
                if key is not None:
                    old, (mean, variance) = (mean, variance), (x.mean((0, 1, 2)), x.var((0, 1, 2)))
                    moved |= {p + 2: 0.99 * old[0] + 0.01 * mean, p + 3: 0.99 * old[1] + 0.01 * variance}
                x, p = (x - mean) * (scale * lax.rsqrt(variance + 1e-3)) + shift, p + 4
            case "activation":
                x = ACTIVATIONS[arguments[0]](x)
            case "pool":
                window = (1, arguments[0], arguments[0], 1)
                x = lax.reduce_window(x, -jnp.inf, lax.max, window, window, "VALID")
            case "flatten":
                x = x.reshape(len(x), -1)
            case "dropout" if key is not None:
                keep = jax.random.bernoulli(jax.random.fold_in(key, i), 1 - arguments[0], x.shape)
                x = jnp.where(keep, x / (1 - arguments[0]), 0)
    return x, moved


def loss_of(params, net, x, y, key):
    z, moved = forward(net, params, x, key, logits=True)
    if net.loss == "mse":
        return jnp.mean((z - y) ** 2), moved
    if net.loss == "binary_crossentropy":
        return jnp.mean(jnp.logaddexp(0, z) - z * y), moved
    return -jnp.mean(jnp.take_along_axis(jax.nn.log_softmax(z), y[:, None], 1)), moved


def adam(params, grads, m, v, t, rate, b1=0.9, b2=0.999, eps=1e-7):
    rate = rate * jnp.sqrt(1 - b2**t) / (1 - b1**t)
    m = [b1 * m + (1 - b1) * g for m, g in zip(m, grads, strict=True)]
    v = [b2 * v + (1 - b2) * g * g for v, g in zip(v, grads, strict=True)]
    return [p - rate * m / (jnp.sqrt(v) + eps) for p, m, v in zip(params, m, v, strict=True)], m, v


def train(**spec) -> Job:
    net = Network(**spec)
    epoch = training(net)
    return Job(epoch, net.steps, epoch())


def training(net: Network):
    """A function that trains for an epoch and returns its loss; the model is built, nothing has run."""
    x, y = (jnp.asarray(a) for a in training_data(net))
    params = [jnp.asarray(w) for w in initial_weights(net)]
    zeros = [jnp.zeros_like(p) for p in params]
    state = (params, zeros, [z.copy() for z in zeros], jnp.zeros(()), jnp.zeros(()))

    def step(state, batch):
        params, m, v, t, total = state
        bx, by = batch
        t = t + 1
        key = jax.random.fold_in(jax.random.key(0), t.astype(int))
        (loss, moved), grads = jax.value_and_grad(loss_of, has_aux=True)(params, net, bx, by, key)
        if net.optimizer == "adam":
            params, m, v = adam(params, grads, m, v, t, net.learning_rate)
        else:
            m = [net.momentum * m - net.learning_rate * g for m, g in zip(m, grads, strict=True)]
            params = [p + m for p, m in zip(params, m, strict=True)]
        params = [moved.get(i, p) for i, p in enumerate(params)]
        return (params, m, v, t, total + loss), None

    @partial(jax.jit, donate_argnums=0)
    def one_step(state, x, y, i):
        cut = partial(lax.dynamic_slice_in_dim, start_index=i * net.batch, slice_size=net.batch)
        return step(state, (cut(x), cut(y)))[0]

    @partial(jax.jit, donate_argnums=0)
    def one_epoch(state, x, y):
        cut = [a.reshape(net.steps, net.batch, *a.shape[1:]) for a in (x, y)]
        return lax.scan(step, state, cut)[0]

    def epoch():
        nonlocal state
        before = float(state[-1])
        if VARIANT == "scan":
            state = one_epoch(state, x, y)
        else:
            for i in range(net.steps):
                state = one_step(state, x, y, i)
        return (float(state[-1]) - before) / net.steps

    return epoch


def predict(batch_size: int, **spec) -> Job:
    net = Network(**spec)
    x, params = training_data(net)[0], [jnp.asarray(w) for w in initial_weights(net)]
    call = jax.jit(lambda params, x: forward(net, params, x)[0])
    result = np.empty((len(x), net.outputs), np.float32)

    def run():
        for i in range(0, len(x), batch_size):
            result[i : i + batch_size] = call(params, x[i : i + batch_size])
        return result

    return Job(lambda: run() is None, len(x), log_loss(run(), net))


def latency(call: str, **spec) -> Job:
    net = Network(**spec)
    x, params = training_data(net)[0][:1], [jnp.asarray(w) for w in initial_weights(net)]
    compiled = jax.jit(lambda params, x: forward(net, params, x)[0])
    return Job(lambda: np.asarray(compiled(params, x)) is None, 1)


def adam_flat(shapes: list) -> Job:
    keys = jax.random.split(jax.random.key(0), len(shapes))
    params, grads = ([jax.random.normal(k, s) for k, s in zip(keys, shapes, strict=True)] for _ in range(2))
    state = (params, [jnp.zeros_like(p) for p in params], [jnp.zeros_like(p) for p in params], jnp.zeros(()))

    @partial(jax.jit, donate_argnums=0)
    def step(state, grads):
        params, m, v, t = state
        return (*adam(params, grads, m, v, t + 1, 1e-3), t + 1)

    def run():
        nonlocal state
        state = jax.block_until_ready(step(state, grads))

    return Job(run, 1)
