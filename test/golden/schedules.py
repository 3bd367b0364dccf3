"""Learning rates of Keras schedules, of a Keras optimizer that follows one, and of ReduceLROnPlateau.

Rates are computed in double precision, so that what differs is our own rounding; `OneCycle`, which Keras lacks, is
written out here after its paper and PyTorch's documentation.

Run with keras 3.15 and tensorflow-cpu 2.21:
    python test/golden/schedules.py > test/golden/schedules.json && npx prettier --write test/golden/schedules.json
"""

import json
import math
import os
import re
import sys

os.environ["KERAS_BACKEND"] = "tensorflow"
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
import tensorflow as tf

schedules = keras.optimizers.schedules

CASES = [
    ("ExponentialDecay", {"initialLearningRate": 0.1, "decaySteps": 10, "decayRate": 0.5}),
    ("ExponentialDecay", {"initialLearningRate": 0.1, "decaySteps": 7, "decayRate": 0.96, "staircase": True}),
    ("ExponentialDecay", {"initialLearningRate": 1e-7, "decaySteps": 100, "decayRate": 10.0}),
    ("InverseTimeDecay", {"initialLearningRate": 0.1, "decaySteps": 10, "decayRate": 0.5}),
    ("InverseTimeDecay", {"initialLearningRate": 0.2, "decaySteps": 7, "decayRate": 2.0, "staircase": True}),
    ("PolynomialDecay", {"initialLearningRate": 0.1, "decaySteps": 20}),
    ("PolynomialDecay", {"initialLearningRate": 0.1, "decaySteps": 20, "endLearningRate": 0.01, "power": 0.5}),
    ("PolynomialDecay", {"initialLearningRate": 0.1, "decaySteps": 9, "power": 2.0, "cycle": True}),
    ("PolynomialDecay", {"initialLearningRate": 0.01, "decaySteps": 9, "endLearningRate": 0.1, "power": 3.0}),
    ("CosineDecay", {"initialLearningRate": 0.1, "decaySteps": 20}),
    ("CosineDecay", {"initialLearningRate": 0.1, "decaySteps": 20, "alpha": 0.1}),
    ("CosineDecay", {"initialLearningRate": 0.0, "decaySteps": 20, "warmupTarget": 0.1, "warmupSteps": 8}),
    (
        "CosineDecay",
        {"initialLearningRate": 0.2, "decaySteps": 11, "alpha": 0.25, "warmupTarget": 0.1, "warmupSteps": 5},
    ),
    ("CosineDecayRestarts", {"initialLearningRate": 0.1, "firstDecaySteps": 5}),
    ("CosineDecayRestarts", {"initialLearningRate": 0.1, "firstDecaySteps": 6, "tMul": 1.0, "mMul": 0.5}),
    (
        "CosineDecayRestarts",
        {"initialLearningRate": 0.1, "firstDecaySteps": 4, "tMul": 1.5, "mMul": 0.9, "alpha": 0.1},
    ),
    ("PiecewiseConstantDecay", {"boundaries": [5, 12, 30], "values": [0.1, 0.05, 0.02, 0.001]}),
    ("PiecewiseConstantDecay", {"boundaries": [3], "values": [0.5, 0.25]}),
]
STEPS = list(range(0, 46)) + [63, 64, 100, 1000]

ONE_CYCLES = [
    {"maxLearningRate": 0.1, "totalSteps": 40},
    {"maxLearningRate": 0.5, "totalSteps": 30, "warmupFraction": 0.5, "anneal": "linear"},
    {"maxLearningRate": 1.0, "totalSteps": 20, "warmupFraction": 0.25, "startDivisor": 10.0, "finalDivisor": 100.0},
]

PLATEAUS = [
    ({"factor": 0.5, "patience": 2}, [5, 4, 4, 4, 4, 3, 3, 3, 3, 3]),
    ({"factor": 0.1, "patience": 1, "cooldown": 2}, [5, 5, 5, 5, 5, 5, 5, 5]),
    ({"factor": 0.5, "patience": 1, "minDelta": 0.5}, [5, 4.6, 4.2, 3.9, 3.6, 3.3]),
    ({"factor": 0.1, "patience": 1, "minLearningRate": 0.005}, [1, 1, 1, 1, 1]),
    ({"factor": 0.5, "patience": 1, "mode": "max"}, [1, 2, 2, 3, 2.5, 2.5, 4]),
    ({"factor": 0.5, "patience": 0}, [3, 3, 2, 2]),
]
PLATEAU_START = 0.125

SGD_STEPS = 12


def snake(name):
    return re.sub("([A-Z])", lambda found: "_" + found[1].lower(), name)


def keras_schedule(name, options):
    return getattr(schedules, name)(**{snake(key): value for key, value in options.items()})


def double(value):
    """Keras computes in the type of what it is given."""
    if isinstance(value, list):
        return [double(element) for element in value]
    return np.float64(value) if isinstance(value, float) else value


def rates(name, options):
    schedule = keras_schedule(name, {key: double(value) for key, value in options.items()})
    return [float(schedule(tf.constant(step, "int64"))) for step in STEPS]


def one_cycle(options):
    highest, total = options["maxLearningRate"], options["totalSteps"]
    start = highest / options.get("startDivisor", 25.0)
    final = start / options.get("finalDivisor", 1e4)
    peak = options.get("warmupFraction", 0.3) * total - 1

    def between(a, b, share):
        if options.get("anneal") == "linear":
            return a + (b - a) * share
        return b + (a - b) / 2 * (1 + math.cos(math.pi * share))

    def at(step):
        if step <= peak:
            return between(start, highest, step / peak)
        return between(highest, final, min(1, (step - peak) / (total - 1 - peak)))

    return [at(step) for step in STEPS]


def trajectory(name, options):
    """A weight from 0 under gradients of 1: minus the sum of the rates."""
    optimizer = keras.optimizers.SGD(learning_rate=keras_schedule(name, options))
    weight = keras.Variable(0.0)
    optimizer.build([weight])
    values = []
    for _ in range(SGD_STEPS):
        optimizer.apply([tf.constant(1.0)], [weight])
        values.append(float(weight.numpy()))
    return {"weights": values, "learningRate": float(optimizer.learning_rate)}


class Fake:
    """What the callback wants of a model."""

    def __init__(self):
        self.optimizer = keras.optimizers.SGD(learning_rate=PLATEAU_START)


def plateau(options, values):
    names = {"minLearningRate": "min_lr"}
    arguments = {names.get(key, snake(key)): value for key, value in options.items()}
    callback = keras.callbacks.ReduceLROnPlateau(monitor="val_loss", **{"mode": "min", **arguments})
    fake = Fake()
    callback.set_model(fake)
    callback.on_train_begin()
    seen = []
    for epoch, value in enumerate(values):
        callback.on_epoch_end(epoch, {"val_loss": value})
        seen.append(float(fake.optimizer.learning_rate))
    return seen


def main():
    json.dump(
        {
            "keras": keras.__version__,
            "tensorflow": tf.__version__,
            "steps": STEPS,
            "cases": [
                {"schedule": name, "options": options, "rates": rates(name, options), "sgd": trajectory(name, options)}
                for name, options in CASES
            ],
            "oneCycle": [{"options": options, "rates": one_cycle(options)} for options in ONE_CYCLES],
            "plateau": {
                "start": PLATEAU_START,
                "cases": [
                    {"options": options, "values": values, "rates": plateau(options, values)}
                    for options, values in PLATEAUS
                ],
            },
        },
        sys.stdout,
        separators=(",", ":"),
    )
    sys.stdout.write("\n")


main()
