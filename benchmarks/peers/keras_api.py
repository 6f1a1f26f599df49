"""The Keras API, written once: dlcore itself, and Keras on PyTorch, JAX and TensorFlow."""

import importlib
from functools import partial

import numpy as np
from data import convolution_arrays, fingerprint, initial_weights, log_loss, training_data
from workload import Job, Network

keras = None
BACKEND = ""


def setup(threads: int, variant: str) -> None:
    global keras, BACKEND
    BACKEND = variant
    if variant == "torch":
        torch = importlib.import_module("torch")
        torch.set_num_threads(threads)
    elif variant == "tensorflow":
        tf = importlib.import_module("tensorflow")
        tf.config.threading.set_intra_op_parallelism_threads(threads)
        tf.config.threading.set_inter_op_parallelism_threads(threads)
    keras = importlib.import_module("dlcore" if variant == "dlcore" else "keras")


def build(net: Network):
    """As a user writes it: the activation in the last layer, the loss on probabilities."""
    layers = keras.layers
    model = keras.Sequential([keras.Input(tuple(net.inputs) if net.images else (net.inputs,))])
    for word, arguments, _ in net.stack():
        match word, arguments:
            case "conv", (filters, size, padding, activation):
                model.add(layers.Conv2D(filters, size, padding=padding, activation=activation))
            case "dense", (units, activation):
                model.add(layers.Dense(units, activation=activation))
            case "norm", _:
                model.add(layers.BatchNormalization())
            case "activation", (name,):
                model.add(layers.Activation(name))
            case "pool", (size,):
                model.add(layers.MaxPooling2D(size))
            case "dropout", (rate,):
                model.add(layers.Dropout(rate))
            case "flatten", _:
                model.add(layers.Flatten())
    model.set_weights(initial_weights(net))
    return model


def train(**spec) -> Job:
    net = Network(**spec)
    epoch = training(net)
    return Job(epoch, net.steps, epoch())


def training(net: Network):
    """A function that trains for an epoch and returns its loss; the model is built, nothing has run."""
    x, y = training_data(net)
    model = build(net)
    if net.optimizer == "adam":
        optimizer = keras.optimizers.Adam(net.learning_rate)
    else:
        optimizer = keras.optimizers.SGD(net.learning_rate, momentum=net.momentum)
    model.compile(optimizer=optimizer, loss=net.loss)

    def epoch():
        # No shuffling: every peer must see the same batches for the losses to be comparable.
        return model.fit(x, y, batch_size=net.batch, shuffle=False, verbose=0).history["loss"][0]

    return epoch


def predict(batch_size: int, **spec) -> Job:
    net = Network(**spec)
    x, model = training_data(net)[0], build(net)

    def run():
        return model.predict(x, batch_size=batch_size, verbose=0)

    return Job(lambda: run() is None, len(x), log_loss(run(), net))


def latency(call: str, **spec) -> Job:
    net = Network(**spec)
    x, model = training_data(net)[0][:1], build(net)
    calls = {
        "model(x)": lambda: to_numpy(model(x)),
        "predict_on_batch": lambda: model.predict_on_batch(x),
        "predict": lambda: model.predict(x, verbose=0),
    }
    run = calls[call]
    return Job(lambda: run() is None, 1)


def to_numpy(tensor):
    return tensor.numpy() if BACKEND == "dlcore" else keras.ops.convert_to_numpy(tensor)


def bandwidth(kind: str, bytes_per_item: float, spec: dict) -> Job:
    """Another kind of job, counted in bytes."""
    job = globals()[kind](**spec)
    return Job(job.run, job.items * bytes_per_item)


def op_forward(name: str, arguments: dict, shapes: list) -> Job:
    tensors = numbers(shapes)
    call = partial(getattr(keras.ops, name), *tensors, **arguments)
    return Job(lambda: call() is None, tensors[0].size)


def op_backward(name: str, arguments: dict, shapes: list) -> Job:
    tensors = numbers(shapes)
    return again_and_again(partial(getattr(keras.ops, name), **arguments), tensors, tensors[0].size)


def layer_forward(name: str, training, arguments: dict, shapes: list) -> Job:
    (x,) = numbers(shapes)
    call = partial(prepared_layer(name, x, arguments), x, **({} if training is None else {"training": training}))
    return Job(lambda: call() is None, x.size)


def layer_backward(name: str, training, arguments: dict, shapes: list) -> Job:
    (x,) = numbers(shapes)
    layer = prepared_layer(name, x, arguments)
    call = partial(layer, **({} if training is None else {"training": training}))
    return again_and_again(call, [x], x.size, layer.trainable_weights)


def prepared_layer(name: str, x, arguments: dict):
    layer = getattr(keras.layers, name)(**arguments)
    layer(x)
    return layer


def numbers(shapes: list) -> list:
    rng = np.random.default_rng(5)
    return [keras.ops.convert_to_tensor(rng.uniform(0.1, 1, s).astype(np.float32)) for s in shapes]


def again_and_again(call, inputs: list, items: int, weights: list = ()) -> Job:
    """The backward pass of sum(call(*inputs)) on a tape that is kept."""
    tape = keras.GradientTape(persistent=True)
    with tape:
        tape.watch(inputs)
        total = keras.ops.sum(call(*inputs))
    return Job(lambda: tape.gradient(total, [*inputs, *weights]) is None, items)


def optimizer_step(name: str, arguments: dict, shapes: list) -> Job:
    """dlcore only: gradients lie in the arena, where backward writes them."""
    rng = np.random.default_rng(5)
    variables = [keras.Variable(rng.standard_normal(s, dtype=np.float32)) for s in shapes]
    arena = importlib.import_module("dlcore._kernels.arena").Arena(variables)
    arena.put([rng.standard_normal(s, dtype=np.float32) for s in shapes])
    optimizer = getattr(keras.optimizers, name)(**arguments)
    return Job(lambda: optimizer.step(arena), sum(v.size for v in variables))


def adam_flat(shapes: list) -> Job:
    """One optimizer step as `fit` does it: eager on PyTorch, compiled on JAX and TensorFlow."""
    rng = np.random.default_rng(5)
    start = [rng.standard_normal(s, dtype=np.float32) for s in shapes]
    variables = [keras.Variable(a) for a in start]
    grads = [keras.ops.convert_to_tensor(a) for a in start]
    optimizer = keras.optimizers.Adam(1e-3)
    optimizer.build(variables)
    run = partial(optimizer.apply, grads, variables)
    if BACKEND == "dlcore":
        # In training backward has written the gradients into the arena; `apply` would copy them there first.
        arena = importlib.import_module("dlcore._kernels.arena").Arena(variables)
        arena.put(grads)
        run = partial(optimizer.step, arena)
    elif BACKEND == "torch":
        run = importlib.import_module("torch").no_grad()(run)
    elif BACKEND == "tensorflow":
        run = importlib.import_module("tensorflow").function(run)
    elif BACKEND == "jax":
        jax = importlib.import_module("jax")
        step = jax.jit(optimizer.stateless_apply, donate_argnums=(0, 2))
        state = [[v.value for v in optimizer.variables], [v.value for v in variables]]

        def run():
            values, slots = step(state[0], grads, state[1])
            state[:] = jax.block_until_ready((slots, values))

    return Job(lambda: run() is None, 1)


def dense(batch: int, inputs: int, units: int) -> Job:
    """dlcore only: Keras itself has no tape."""
    rng = np.random.default_rng(5)
    x = keras.ops.convert_to_tensor(rng.standard_normal((batch, inputs), dtype=np.float32))
    layer = keras.layers.Dense(units, activation="relu")
    layer.build((batch, inputs))

    def run():
        with keras.GradientTape() as tape:
            tape.watch(x)
            loss = keras.ops.sum(layer(x))
        tape.backward(loss)

    return Job(run, 1)


OPS = {
    "gelu": lambda ops, x, y: ops.gelu(x, approximate=True),
    "softmax": lambda ops, x, y: ops.softmax(x, axis=-1),
    "add": lambda ops, x, y: ops.add(x, y),
    "multiply": lambda ops, x, y: ops.multiply(x, y),
    "scale": lambda ops, x, y: ops.multiply(x, 1.5),
    "mean_rows": lambda ops, x, y: ops.mean(x, axis=1),
}


def op(name: str, shape: list) -> Job:
    rng = np.random.default_rng(5)
    x, y = (keras.ops.convert_to_tensor(rng.uniform(0.1, 2, shape).astype(np.float32)) for _ in range(2))
    call = partial(OPS[name], keras.ops, x, y) if name in OPS else partial(getattr(keras.ops, name), x)
    return Job(lambda: call() is None, int(np.prod(shape)))


def gemm(m: int, k: int, n: int, transposed: bool) -> Job:
    rng = np.random.default_rng(5)
    shape = (k, m) if transposed else (m, k)
    a, b = (keras.ops.convert_to_tensor(rng.standard_normal(s, dtype=np.float32)) for s in (shape, (k, n)))
    ops = keras.ops
    if transposed:
        return Job(lambda: ops.matmul(ops.transpose(a), b) is None, 1)
    return Job(lambda: ops.matmul(a, b) is None, 1)


def convolution(direction: str, window: list, strides: int, padding: str, groups: int, **spec) -> Job:
    """dlcore only."""
    arrays = convolution_arrays(window=window, strides=strides, padding=padding, groups=groups, **spec)
    depthwise = groups == arrays[0].shape[-1] > 1
    if depthwise:
        arrays = (arrays[0], arrays[1].swapaxes(-1, -2).copy(), arrays[2])
        call = partial(keras.ops.depthwise_conv, strides=strides, padding=padding)
    else:
        call = partial(keras.ops.conv, strides=strides, padding=padding)
    x, kernel, gradient = (keras.ops.convert_to_tensor(a) for a in arrays)
    run = partial(call, x, kernel)
    if direction != "forward":
        wanted = {"data": x, "weights": kernel}[direction]
        with keras.GradientTape(persistent=True) as tape:
            tape.watch(wanted)
            y = call(x, kernel)
        run = partial(tape.gradient, y, wanted, gradient)
    result = run().numpy()
    if direction == "weights" and depthwise:
        result = result.swapaxes(-1, -2)
    return Job(lambda: run() is None, 1, fingerprint(result))
