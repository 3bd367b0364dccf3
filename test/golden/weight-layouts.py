"""Weights of one small network as PyTorch and as Keras name and lay them out, in safetensors, with the network's outputs.

    pip install keras tensorflow-cpu==2.21.0 torch
    python test/golden/weight-layouts.py > test/golden/weight-layouts.json
"""

import base64
import json
import struct
import sys

import keras
import numpy as np
import torch
from keras import layers


def values(shape, start):
    """Irregular numbers: sin(12.9898 (i + start)) in float32."""
    count = int(np.prod(shape))
    return np.sin(12.9898 * (np.arange(count) + start)).astype(np.float32).reshape(shape)


def safetensors(tensors):
    """The bytes of a safetensors file, from the format's description: length, JSON header, data."""
    kinds = {"float32": "F32", "int64": "I64", "float16": "F16"}
    header, data = {}, b""
    for name, array in tensors.items():
        content = np.ascontiguousarray(array).tobytes()
        header[name] = {
            "dtype": kinds[str(array.dtype)],
            "shape": list(array.shape),
            "data_offsets": [len(data), len(data) + len(content)],
        }
        data += content
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    return base64.b64encode(struct.pack("<Q", len(text)) + text + data).decode()


EPSILON = 1e-3
X = values((2, 6, 4, 2), 5)

net = torch.nn.Sequential()
net.add_module("conv", torch.nn.Conv2d(2, 3, (3, 2), padding="same"))
net.add_module("relu", torch.nn.ReLU())
net.add_module("pool", torch.nn.MaxPool2d(2))
net.add_module("norm", torch.nn.BatchNorm2d(3, eps=EPSILON))
net.add_module("flatten", torch.nn.Flatten())
net.add_module("body", torch.nn.Linear(18, 4))
net.add_module("tanh", torch.nn.Tanh())
net.add_module("head", torch.nn.Linear(4, 2))
net.eval()
state = {
    name: torch.tensor(values(tuple(tensor.shape), 11 * (i + 1)) + (1.5 if "running_var" in name else 0.0))
    for i, (name, tensor) in enumerate(net.state_dict().items())
    if "num_batches" not in name
}
state["norm.num_batches_tracked"] = torch.tensor(7)
net.load_state_dict(state)
with torch.no_grad():
    torch_output = net(torch.tensor(X).permute(0, 3, 1, 2)).numpy()

model = keras.Sequential(
    [
        keras.Input((6, 4, 2)),
        layers.Conv2D(3, (3, 2), padding="same", activation="relu", name="conv"),
        layers.MaxPooling2D(),
        layers.BatchNormalization(epsilon=EPSILON, name="norm"),
        layers.Flatten(),
        layers.Dense(4, activation="tanh", name="body"),
        layers.Dense(2, name="head"),
    ]
)
for i, weight in enumerate(model.weights):
    weight.assign(values(tuple(weight.shape), 13 * (i + 1)) + (1.5 if "variance" in weight.path else 0.0))
print([weight.path for weight in model.weights], file=sys.stderr)
keras_output = np.asarray(model(X, training=False))

json.dump(
    {
        "input": {"shape": list(X.shape), "values": X.ravel().astype(float).tolist()},
        "torch": {
            "file": safetensors({name: tensor.numpy() for name, tensor in net.state_dict().items()}),
            "output": torch_output.ravel().astype(float).tolist(),
        },
        "torchHalf": {
            "file": safetensors({name: tensor.numpy().astype(np.float16) for name, tensor in net.state_dict().items()}),
        },
        "keras": {
            "file": safetensors({weight.path: np.asarray(weight) for weight in model.weights}),
            "output": keras_output.ravel().astype(float).tolist(),
        },
        "versions": {"keras": keras.__version__, "torch": torch.__version__},
    },
    sys.stdout,
)
print()
