"""Golden losses and weights of a training run from Keras on TensorFlow.

    pip install keras tensorflow-cpu==2.21.0
    python test/golden/training.py > test/golden/training.json
"""

import json
import sys

import keras
import numpy as np
from keras import layers, regularizers

ROWS, SIZE, CLASSES, EPOCHS, BATCH = 22, 6, 3, 5, 8


def scattered(shape, start=1):
    """The same irregular numbers as test/helpers/models.ts makes: sin(12.9898 (i + start))."""
    count = int(np.prod(shape))
    return np.sin(12.9898 * (np.arange(count) + start)).astype(np.float32).reshape(shape)


# No bias before the normalisation: its gradient is rounding alone, which Adam would blow up to full steps.
def build():
    return keras.Sequential(
        [
            layers.Input((SIZE, SIZE, 1)),
            layers.Conv2D(4, 3, padding="same", use_bias=False, kernel_regularizer=regularizers.L2(0.01)),
            layers.BatchNormalization(momentum=0.9),
            layers.Activation("relu"),
            layers.MaxPooling2D(2),
            layers.Flatten(),
            layers.Dense(CLASSES, kernel_regularizer=regularizers.L2(0.02), activity_regularizer=regularizers.L1(0.001)),
        ]
    )


def main():
    model = build()
    for i, weight in enumerate(model.weights):
        if "moving_mean" in weight.path:
            value = np.zeros(weight.shape)
        elif "moving_variance" in weight.path:
            value = np.ones(weight.shape)
        else:
            value = 0.3 * scattered(weight.shape, 50 * (i + 1)) + (1.0 if "gamma" in weight.path else 0.0)
        weight.assign(value)
    initial = [np.asarray(weight, dtype=np.float64).ravel().tolist() for weight in model.weights]
    x = scattered((ROWS, SIZE, SIZE, 1))
    labels = np.arange(ROWS) * 7 % CLASSES
    y = np.eye(CLASSES, dtype=np.float32)[labels]
    model.compile(
        optimizer=keras.optimizers.AdamW(learning_rate=0.02, weight_decay=0.01, global_clipnorm=0.5),
        loss=keras.losses.CategoricalCrossentropy(from_logits=True, label_smoothing=0.1),
        metrics=["categorical_accuracy"],
        jit_compile=False,
    )
    history = model.fit(x, y, epochs=EPOCHS, batch_size=BATCH, shuffle=False, validation_data=(x[:5], y[:5]), verbose=0)
    result = {
        "keras": keras.__version__,
        "initial": initial,
        "history": {name: [float(value) for value in values] for name, values in history.history.items()},
        "weights": [np.asarray(weight, dtype=np.float64).ravel().tolist() for weight in model.weights],
        "predictions": model.predict(x[:3], verbose=0).astype(np.float64).ravel().tolist(),
    }
    json.dump(result, sys.stdout, indent=1)
    sys.stdout.write("\n")


main()
