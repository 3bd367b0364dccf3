"""Trajectories of Keras optimizers on given gradients.

Run with keras 3.15 and tensorflow-cpu 2.21:
    python test/golden/optimizers.py > test/golden/optimizers.json && npx prettier --write test/golden/optimizers.json
"""

import json
import os
import sys

os.environ["KERAS_BACKEND"] = "tensorflow"
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
import tensorflow as tf

STEPS = 10
SHAPES = {"body/kernel": [3, 4], "body/bias": [4], "head/filter": [2, 3, 2], "head/gain": []}

CASES = [
    ("sgd", {"learningRate": 0.1}, None),
    ("sgd", {"learningRate": 0.05, "momentum": 0.9}, None),
    ("sgd", {"learningRate": 0.05, "momentum": 0.9, "nesterov": True}, None),
    ("sgd", {"learningRate": 0.1}, {"value": 0.3}),
    ("sgd", {"learningRate": 0.1, "momentum": 0.5}, {"norm": 0.8}),
    ("sgd", {"learningRate": 0.1}, {"globalNorm": 1.5}),
    ("adam", {}, None),
    ("adam", {"learningRate": 0.02, "beta1": 0.8, "beta2": 0.95, "epsilon": 1e-3}, None),
    ("adam", {"learningRate": 0.01}, {"globalNorm": 0.5}),
    ("adamw", {}, None),
    ("adamw", {"learningRate": 0.02, "weightDecay": 0.1, "excludeFromWeightDecay": ["**/bias", "head/gain"]}, None),
]
NAMES = {
    "learningRate": "learning_rate",
    "beta1": "beta_1",
    "beta2": "beta_2",
    "weightDecay": "weight_decay",
    "value": "clipvalue",
    "norm": "clipnorm",
    "globalNorm": "global_clipnorm",
}
CLASSES = {"sgd": keras.optimizers.SGD, "adam": keras.optimizers.Adam, "adamw": keras.optimizers.AdamW}


def draw(rng):
    return {path: rng.standard_normal(shape).astype("float32") for path, shape in SHAPES.items()}


def plain(values):
    return {path: [float(x) for x in np.ravel(value)] for path, value in values.items()}


def run(name, options, clip, initial, gradients):
    arguments = {NAMES.get(key, key): value for key, value in {**options, **(clip or {})}.items()}
    excluded = arguments.pop("excludeFromWeightDecay", [])
    optimizer = CLASSES[name](**arguments)
    variables = {path: keras.Variable(value, name=path.replace("/", "_")) for path, value in initial.items()}
    left_out = [glob.removeprefix("**/").replace("/", "_") for glob in excluded]
    if left_out:
        optimizer.exclude_from_weight_decay(var_names=left_out)
    optimizer.build(list(variables.values()))
    trajectory = []
    for gradient in gradients:
        optimizer.apply([tf.constant(gradient[path]) for path in SHAPES], list(variables.values()))
        trajectory.append(plain({path: variable.numpy() for path, variable in variables.items()}))
    return trajectory


def main():
    rng = np.random.default_rng(7)
    initial = draw(rng)
    # Sizes from 0.01 to 3, so that clipping acts on some steps and not on others; a dead element now and then.
    gradients = []
    for step in range(STEPS):
        scale = np.float32(10 ** rng.uniform(-2, 0.5))
        gradient = {path: value * scale for path, value in draw(rng).items()}
        gradient["body/bias"][step % 4] = 0
        gradients.append(gradient)
    json.dump(
        {
            "keras": keras.__version__,
            "tensorflow": tf.__version__,
            "shapes": SHAPES,
            "initial": plain(initial),
            "gradients": [plain(gradient) for gradient in gradients],
            "cases": [
                {
                    "optimizer": name,
                    "options": options,
                    "clip": clip,
                    "trajectory": run(name, options, clip, initial, gradients),
                }
                for name, options, clip in CASES
            ],
        },
        sys.stdout,
        separators=(",", ":"),
    )
    sys.stdout.write("\n")


main()
