"""Golden numbers of layers, activations, regularizers and initializers from Keras on TensorFlow.

    pip install keras tensorflow-cpu==2.21.0
    python test/golden/layers.py > test/golden/layers.json
"""

import json
import math
import sys

import keras
import numpy as np
import tensorflow as tf
from keras import activations, initializers, layers, regularizers
from keras.src.initializers.random_initializers import compute_fans


def values(shape, start=1):
    """The same irregular numbers as the tests make: sin(12.9898 (i + start)) in float32."""
    count = int(np.prod(shape))
    return np.sin(12.9898 * (np.arange(count) + start)).astype(np.float32).reshape(shape)


def plain(tensor):
    array = np.asarray(tensor, dtype=np.float64)
    return {"shape": list(array.shape), "values": array.ravel().tolist()}


def weighted(layer, shape, **call):
    """Output, and gradients by input and weights of the sum of squares of the output."""
    x = tf.constant(values(shape))
    layer.build(shape)
    for i, weight in enumerate(layer.trainable_variables):
        weight.assign(values(weight.shape, 7 * (i + 1)) + (1.0 if "gamma" in weight.path else 0.0))
    with tf.GradientTape() as tape:
        tape.watch(x)
        output = layer(x, **call)
        total = tf.reduce_sum(output * output)
    sources = [x] + [weight.value for weight in layer.trainable_variables]
    gradients = tape.gradient(total, sources)
    return {
        "inputShape": list(shape),
        "output": plain(output),
        "gradients": [plain(gradient) for gradient in gradients],
        "state": [plain(weight) for weight in layer.non_trainable_variables],
    }


def conv_cases():
    cases = [
        {"filters": 2, "kernelSize": 3, "padding": "same"},
        {"filters": 2, "kernelSize": [3, 2], "padding": "valid", "strides": [2, 1]},
        {"filters": 2, "kernelSize": 3, "padding": "same", "strides": 2, "activation": "relu"},
        {"filters": 3, "kernelSize": [2, 3], "padding": "same", "dilationRate": [2, 1], "useBias": False},
        {"filters": 2, "kernelSize": 2, "padding": "valid", "dilationRate": 2},
    ]
    names = {"kernelSize": "kernel_size", "dilationRate": "dilation_rate", "useBias": "use_bias"}
    made = []
    for options in cases:
        layer = layers.Conv2D(**{names.get(k, k): tuple(v) if isinstance(v, list) else v for k, v in options.items()})
        made.append({"options": options, **weighted(layer, (2, 6, 5, 3))})
    return made


def norm_cases():
    made = []
    for shape in [(8, 3), (2, 4, 3), (2, 3, 2, 3), (2, 2, 2, 2, 3)]:
        for training in [True, False]:
            layer = layers.BatchNormalization(momentum=0.9)
            made.append({"training": training, **weighted(layer, shape, training=training)})
    return made


def activation_cases():
    points = [-100.0, -10.0, -2.5, -1.0, -0.5, -0.01, 0.01, 0.5, 1.0, 2.5, 10.0, 100.0]
    names = {"leakyRelu": "leaky_relu", "logSoftmax": "log_softmax"}
    kinds = ["relu", "leakyRelu", "elu", "selu", "gelu", "silu", "sigmoid", "tanh", "softplus", "linear", "softmax"]
    made = {}
    for name in kinds + ["logSoftmax"]:
        function = activations.get(names.get(name, name))
        x = tf.constant([points], dtype=tf.float64)
        made[name] = np.asarray(function(x)).ravel().tolist()
    return {"points": points, "values": made}


def initializer_cases():
    shapes = [(), (7,), (3, 5), (2, 3, 5), (2, 3, 4, 5), (2, 2, 3, 4, 5)]
    fans = [{"shape": list(s), "fans": list(compute_fans(s))} for s in shapes]
    presets = {
        "glorotUniform": initializers.GlorotUniform(),
        "glorotNormal": initializers.GlorotNormal(),
        "heUniform": initializers.HeUniform(),
        "heNormal": initializers.HeNormal(),
        "lecunUniform": initializers.LecunUniform(),
        "lecunNormal": initializers.LecunNormal(),
    }
    scales = {}
    for name, preset in presets.items():
        fan_in, fan_out = 30, 70
        fan = {"fan_in": fan_in, "fan_out": fan_out, "fan_avg": (fan_in + fan_out) / 2}[preset.mode]
        scales[name] = {"distribution": preset.distribution, "deviation": math.sqrt(preset.scale / fan)}
    return {"fans": fans, "presets": scales}


def regularizer_cases():
    w = values((3, 4))
    return {
        "shape": [3, 4],
        "l1": float(regularizers.L1(0.3)(w)),
        "l2": float(regularizers.L2(0.7)(w)),
        "l1l2": float(regularizers.L1L2(0.3, 0.7)(w)),
    }


def activity_case():
    layer = layers.Dense(2, activity_regularizer=regularizers.L2(0.5))
    layer.build((4, 3))
    layer.kernel.assign(values((3, 2), 7))
    layer(values((4, 3)))
    return {"penalty": float(layer.losses[0])}


if __name__ == "__main__":
    dense = [
        {"options": {"units": 3, "activation": a, "useBias": b}, **weighted(layers.Dense(3, activation=a, use_bias=b), s)}
        for a, b, s in [("tanh", True, (4, 5)), ("softmax", False, (4, 5)), ("relu", True, (2, 3, 4))]
    ]
    golden = {
        "keras": keras.__version__,
        "tensorflow": tf.__version__,
        "dense": dense,
        "activity": activity_case(),
        "conv2d": conv_cases(),
        "batchNormalization": norm_cases(),
        "activations": activation_cases(),
        "initializers": initializer_cases(),
        "regularizers": regularizer_cases(),
    }
    json.dump(golden, sys.stdout, indent=None)
    sys.stdout.write("\n")
