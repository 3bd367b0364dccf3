"""Golden numbers of losses and metrics from Keras on TensorFlow.

    pip install keras tensorflow-cpu==2.21.0
    python test/golden/losses.py > test/golden/losses.json
"""

import json
import sys

import keras
import numpy as np
import tensorflow as tf
from keras import losses, metrics


def values(shape, start=1, scale=1.0):
    """Irregular numbers: scale * sin(12.9898 (i + start)) in float32."""
    count = int(np.prod(shape))
    return (scale * np.sin(12.9898 * (np.arange(count) + start))).astype(np.float32).reshape(shape)


def plain(array):
    array = np.asarray(array)
    dtype = "int32" if array.dtype.kind == "i" else "float32"
    return {"shape": list(array.shape), "dtype": dtype, "values": array.astype(np.float64).ravel().tolist()}


WEIGHT = np.array([0.5, 0.0, 2.0, 1.0], np.float32)
REDUCTIONS = {"sumOverBatchSize": "sum_over_batch_size", "sum": "sum", "meanWithSampleWeight": "mean_with_sample_weight"}


def loss_case(name, loss_class, labels, predictions, **options):
    keras_options = {"fromLogits": "from_logits", "labelSmoothing": "label_smoothing"}
    known = {keras_options[key]: value for key, value in options.items()}
    x = tf.constant(predictions)
    with tf.GradientTape() as tape:
        tape.watch(x)
        value = loss_class(**known)(labels, x)
    return {
        "loss": name,
        "options": options,
        "labels": plain(labels),
        "predictions": plain(predictions),
        "sampleWeight": plain(WEIGHT),
        "none": plain(loss_class(reduction="none", **known)(labels, predictions)),
        "gradient": plain(tape.gradient(value, x)),
        "reduced": {
            ours: [
                float(loss_class(reduction=theirs, **known)(labels, predictions)),
                float(loss_class(reduction=theirs, **known)(labels, predictions, sample_weight=WEIGHT)),
            ]
            for ours, theirs in REDUCTIONS.items()
        },
    }


def metric_case(name, metric_class, labels, predictions, **options):
    """The metric after two uneven batches, without and with sample weights."""
    results = []
    for weight in (None, WEIGHT):
        metric = metric_class(**options)
        for part in (slice(0, 3), slice(3, 4)):
            metric.update_state(labels[part], predictions[part], sample_weight=None if weight is None else weight[part])
        results.append(float(metric.result()))
    return {
        "metric": name,
        "options": options,
        "labels": plain(labels),
        "predictions": plain(predictions),
        "sampleWeight": plain(WEIGHT),
        "results": results,
    }


def probabilities(logits):
    return np.asarray(tf.nn.softmax(logits))


SPARSE = np.array([2, 0, 1, 1], np.int32)
ONE_HOT = np.eye(3, dtype=np.float32)[SPARSE]
LOGITS = values((4, 3), 1, 3.0)
BINARY = np.array([[1, 0], [0, 0], [1, 1], [0, 1]], np.float32)
BINARY_LOGITS = values((4, 2), 5, 3.0)
BINARY_PROBABILITIES = np.asarray(tf.sigmoid(BINARY_LOGITS))
MSE, BCE = losses.MeanSquaredError, losses.BinaryCrossentropy
CCE, SCE = losses.CategoricalCrossentropy, losses.SparseCategoricalCrossentropy

loss_cases = [
    loss_case("MeanSquaredError", MSE, values((4, 3), 20), values((4, 3), 40)),
    loss_case("MeanSquaredError", MSE, values((4,), 20), values((4, 1), 40)),
    loss_case("BinaryCrossentropy", BCE, BINARY, BINARY_LOGITS, fromLogits=True),
    loss_case("BinaryCrossentropy", BCE, BINARY, BINARY_LOGITS, fromLogits=True, labelSmoothing=0.1),
    loss_case("BinaryCrossentropy", BCE, BINARY, BINARY_PROBABILITIES),
    loss_case("CategoricalCrossentropy", CCE, ONE_HOT, LOGITS, fromLogits=True),
    loss_case("CategoricalCrossentropy", CCE, ONE_HOT, LOGITS, fromLogits=True, labelSmoothing=0.1),
    loss_case("CategoricalCrossentropy", CCE, ONE_HOT, probabilities(LOGITS)),
    loss_case("SparseCategoricalCrossentropy", SCE, SPARSE, LOGITS, fromLogits=True),
    loss_case("SparseCategoricalCrossentropy", SCE, SPARSE.reshape(4, 1), LOGITS, fromLogits=True),
    loss_case("SparseCategoricalCrossentropy", SCE, SPARSE, probabilities(LOGITS)),
]
metric_cases = [
    metric_case("BinaryAccuracy", metrics.BinaryAccuracy, BINARY, BINARY_PROBABILITIES),
    metric_case("BinaryAccuracy", metrics.BinaryAccuracy, BINARY, BINARY_PROBABILITIES, threshold=0.2),
    metric_case("CategoricalAccuracy", metrics.CategoricalAccuracy, ONE_HOT, LOGITS),
    metric_case("SparseCategoricalAccuracy", metrics.SparseCategoricalAccuracy, SPARSE, LOGITS),
    metric_case("SparseCategoricalAccuracy", metrics.SparseCategoricalAccuracy, SPARSE.reshape(4, 1), LOGITS),
]

json.dump(
    {"keras": keras.__version__, "tensorflow": tf.__version__, "losses": loss_cases, "metrics": metric_cases},
    sys.stdout,
    indent=1,
)
print()
