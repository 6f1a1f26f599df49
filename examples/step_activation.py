"""The step function as an activation of one's own, and what becomes of its gradient.

A neuron that fires or does not was the first model of one: y = 1 if x > 0, else 0. Its derivative is 0 wherever it has one, so
no error flows back through it and the layers below never learn. The second version here computes the same in the forward pass
and in the backward pass pretends to be a steep sigmoid (a surrogate gradient): then they do. Reads the embedded digits.
"""

import numpy as np

import dlcore as keras
from dlcore import ops


def step(x):
    """0 below zero, 1 above. Composed of ops, so its gradient is theirs: zero everywhere."""
    return 0.5 + 0.5 * ops.sign(x)


class SurrogateStep(keras.ops.Function):
    """The same, with the derivative of sigmoid(4 x) in the place of its own."""

    def forward(self, x):
        self.x = x
        return 0.5 + 0.5 * np.sign(x)

    def backward(self, dy):
        s = 1 / (1 + np.exp(-4 * self.x))
        return dy * 4 * s * (1 - s)


surrogate_step = SurrogateStep()

# The gradient of either, where it is felt: near the step.
x = ops.convert_to_tensor([-1.0, -0.25, 0.25, 1.0])
for name, function in (("step", step), ("surrogate step", surrogate_step)):
    with keras.GradientTape() as tape:
        tape.watch(x)
        y = function(x)
    gradient = " ".join(f"{d:.2f}" for d in tape.gradient(y, x).numpy())
    print(f"{name:15} of {x.tolist()}: {y.tolist()}, gradient {gradient}")

(images, labels), (test_images, test_labels) = keras.datasets.digits.load_data()
images, test_images = images.reshape(len(images), -1) / images.max(), test_images.reshape(len(test_images), -1) / images.max()

for name, function in (("step", step), ("surrogate step", surrogate_step)):
    keras.utils.set_random_seed(0)
    model = keras.Sequential([
        keras.Input((images.shape[1],)),
        keras.layers.Dense(24, activation=function),
        keras.layers.Dense(24, activation=function),
        keras.layers.Dense(10, activation="softmax"),
    ])
    before = model.get_weights()[0]
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    model.fit(images, labels, batch_size=32, epochs=40, verbose=0)
    moved = np.abs(model.get_weights()[0] - before).max()
    print(f"{name:15} test accuracy {model.evaluate(test_images, test_labels, verbose=0)[1]:.1%}, first weights moved by up to {moved:.3f}")
