"""Keras on TensorFlow: https://keras.io/api/models/model_training_apis/"""

import gc
import os

os.environ["KERAS_BACKEND"] = "tensorflow"
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import keras
import numpy as np
import tensorflow as tf

from peer import read_task, serve

ADAM = {"learning_rate": 1e-3, "beta_1": 0.9, "beta_2": 0.999, "epsilon": 1e-7}


class KerasWorker:
    def facts(self):
        return {"keras": keras.__version__, "tensorflow": tf.__version__, "numpy": np.__version__}

    def load(self, task, precision):
        self.task = task
        self.precision = precision
        self.models = {}
        gc.collect()
        keras.backend.clear_session()
        # https://keras.io/api/mixed_precision/policy/
        keras.config.set_dtype_policy("mixed_bfloat16" if precision == "bfloat16" else "float32")
        self.batch = task["workload"]["batch"]
        self.x, self.y, self.weights = read_task(task)
        self.grouped = min(50, task["workload"]["stepsPerEpoch"])
        return [
            {"name": "fit"},
            {"name": f"fit, steps_per_execution {self.grouped}"},
            {"name": "fit, jit_compile"},
            {"name": f"fit, jit_compile, steps_per_execution {self.grouped}"},
            {"name": "fit on tf.data"},
            {"name": f"fit on tf.data, steps_per_execution {self.grouped}"},
            {"name": "train_on_batch"},
        ]

    def prepare(self, variant):
        model, weighted = build(self.task)
        position = 0
        for layer in weighted:
            count = len(layer.weights)
            layer.set_weights(self.weights[position : position + count])
            position += count
        options = {}
        if "steps_per_execution" in variant:
            options["steps_per_execution"] = self.grouped
        if "jit_compile" in variant:
            options["jit_compile"] = True
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        model.compile(optimizer=keras.optimizers.Adam(**ADAM), loss=loss, **options)
        self.models[variant] = (model, weighted)

    def check(self, variant):
        model, weighted = self.models[variant]
        variables = [variable for layer in weighted for variable in layer.trainable_variables]
        loss_of = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        count = self.task["workload"]["checked"]
        with tf.GradientTape() as tape:
            loss = loss_of(self.y[:count], model(self.x[:count], training=True))
        gradients = tape.gradient(loss, [variable.value for variable in variables])
        return float(loss), [gradient.numpy() for gradient in gradients]

    def run(self, variant, epochs):
        model, _ = self.models[variant]
        if variant == "train_on_batch":
            for _ in range(epochs):
                order = np.random.permutation(len(self.x))
                for start in range(0, len(order), self.batch):
                    rows = order[start : start + self.batch]
                    model.train_on_batch(self.x[rows], self.y[rows])
        elif "tf.data" in variant:
            data = tf.data.Dataset.from_tensor_slices((self.x, self.y))
            data = data.shuffle(len(self.x)).batch(self.batch).prefetch(tf.data.AUTOTUNE)
            model.fit(data, epochs=epochs, verbose=0)
        else:
            model.fit(self.x, self.y, batch_size=self.batch, epochs=epochs, verbose=0)


def build(task):
    """The model, and its layers with weights in the bench's order."""
    workload = task["workload"]
    weighted = []
    inputs = keras.Input(shape=workload["input"])
    output = inputs
    for layer in workload["network"]:
        output = append(layer, output, weighted)
    if keras.config.dtype_policy().name == "mixed_bfloat16":
        # Keras's guide keeps the output, and with it the loss, in float32.
        output = keras.layers.Activation("linear", dtype="float32")(output)
    return keras.Model(inputs, output), weighted


def append(spec, x, weighted):
    kind = spec["kind"]
    if kind == "residual":
        body = x
        for part in spec["body"]:
            body = append(part, body, weighted)
        if spec["project"]:
            stride = x.shape[1] // body.shape[1]
            projection = keras.layers.Conv2D(body.shape[-1], 1, strides=stride, padding="same", use_bias=False)
            weighted.append(projection)
            x = projection(x)
        return keras.layers.add([x, body])
    layer = make_layer(spec)
    if kind in ("conv", "dense", "norm"):
        weighted.append(layer)
    return layer(x)


def make_layer(spec):
    kind = spec["kind"]
    activation = "relu" if spec.get("relu") else None
    if kind == "conv":
        return keras.layers.Conv2D(
            spec["filters"],
            spec["size"],
            strides=spec["stride"],
            padding="same",
            use_bias=spec["bias"],
            activation=activation,
        )
    if kind == "dense":
        return keras.layers.Dense(spec["units"], activation=activation)
    if kind == "maxPool":
        return keras.layers.MaxPooling2D(spec["size"])
    plain = {
        "norm": keras.layers.BatchNormalization,
        "relu": keras.layers.ReLU,
        "flatten": keras.layers.Flatten,
        "globalPool": keras.layers.GlobalAveragePooling2D,
    }
    return plain[kind]()


serve(KerasWorker())
