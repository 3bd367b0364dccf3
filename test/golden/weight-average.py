"""Golden weights of a training run with an exponential moving average of the weights, from Keras on TensorFlow.

    pip install keras tensorflow-cpu==2.21.0
    python test/golden/weight-average.py > test/golden/weight-average.json
"""

import json
import sys

import keras
import numpy as np
from keras import layers

ROWS, BATCH, STEPS = 40, 4, 10


def scattered(shape, start=1):
    """The same irregular numbers as test/helpers/models.ts makes: sin(12.9898 (i + start))."""
    count = int(np.prod(shape))
    return np.sin(12.9898 * (np.arange(count) + start)).astype(np.float32).reshape(shape)


def run(momentum, overwrite):
    model = keras.Sequential(
        [layers.Input((3,)), layers.Dense(4, activation="tanh"), layers.BatchNormalization(momentum=0.9), layers.Dense(1)]
    )
    for i, weight in enumerate(model.weights):
        if "moving" not in weight.path:
            weight.assign(0.5 * scattered(weight.shape, 50 * (i + 1)))
    optimizer = keras.optimizers.Adam(
        learning_rate=0.05, use_ema=True, ema_momentum=momentum, ema_overwrite_frequency=overwrite
    )
    model.compile(optimizer=optimizer, loss="mean_squared_error", jit_compile=False, run_eagerly=True)
    x = scattered((ROWS, 3))
    y = (x @ np.array([[0.5], [-1.0], [0.25]], np.float32)).astype(np.float32)
    # train_on_batch: fit would overwrite the weights at its end.
    for step in range(STEPS):
        rows = slice(step * BATCH, (step + 1) * BATCH)
        model.train_on_batch(x[rows], y[rows])
    numbers = lambda values: [np.asarray(value, dtype=np.float64).ravel().tolist() for value in values]
    own = numbers(model.weights)
    averages = numbers(optimizer._model_variables_moving_average)
    optimizer.finalize_variable_values(model.trainable_weights)
    return {
        "momentum": momentum,
        "overwrite": overwrite,
        "weights": own,
        "averages": averages,
        "finalPredictions": np.asarray(model.predict(x[:4], verbose=0), dtype=np.float64).ravel().tolist(),
    }


def main():
    result = {"keras": keras.__version__, "runs": [run(0.9, None), run(0.7, 4)]}
    json.dump(result, sys.stdout, indent=1)
    sys.stdout.write("\n")


main()
