"""PyTorch: https://docs.pytorch.org/tutorials/beginner/introyt/trainingyt.html and .../intermediate/memory_format_tutorial.html"""

import gc
import sys

import numpy as np
import torch
from torch import nn
from torch.nn import functional
from torch.utils.checkpoint import checkpoint_sequential

import resident
from peer import read_task, serve


class TorchWorker:
    def __init__(self, policy=None):
        # What the memory suite compares: "none" or "sqrt".
        self.policy = policy
        self.resident_before = self.resident_at_first = None

    def facts(self):
        return {"torch": torch.__version__, "threads": torch.get_num_threads()}

    def load(self, task, precision):
        self.task = task
        self.precision = precision
        self.models = {}
        gc.collect()
        torch.compiler.reset()
        workload = task["workload"]
        self.batch = workload["batch"]
        self.is_image = len(workload["input"]) == 3
        x, y, self.weights = read_task(task)
        images = torch.from_numpy(x)
        # Stored once in each layout that a variant wants, as a loader would hand them over.
        self.x = images.permute(0, 3, 1, 2).contiguous() if self.is_image else images
        self.x_last = self.x.contiguous(memory_format=torch.channels_last) if self.is_image else None
        self.y = torch.from_numpy(y.astype(np.int64))
        layouts = ["", ", channels_last"] if self.is_image else [""]
        self.resident_at_first = None
        if self.policy is not None:
            return [{"name": "eager, channels_last, fused Adam" if self.is_image else "eager, fused Adam"}]
        names = [f"eager{layout}{adam}" for layout in layouts for adam in ("", ", fused Adam")]
        names += [f"compile{layout}, fused Adam" for layout in layouts]
        return [{"name": name} for name in names]

    def prepare(self, variant):
        workload = self.task["workload"]
        weights = iter(self.weights)
        model, _ = chain(workload["network"], workload["input"], weights)
        if "channels_last" in variant:
            model = model.to(memory_format=torch.channels_last)
        model.train()
        # Fused is the documented fast form; the default on CPU is a loop over the weights.
        options = {"fused": True} if "fused Adam" in variant else {}
        optimizer = torch.optim.Adam(model.parameters(), lr=1e-3, betas=(0.9, 0.999), eps=1e-7, **options)
        run = torch.compile(model, dynamic=False) if variant.startswith("compile") else model
        if self.policy == "sqrt":
            run = segments_of(model)
        self.models[variant] = (model, run, optimizer)
        if self.policy is not None:
            self.resident_before = resident.reset()

    def check(self, variant):
        model, run, _ = self.models[variant]
        model.zero_grad()
        count = self.task["workload"]["checked"]
        with self.autocast():
            loss = functional.cross_entropy(run(self.data(variant)[:count]), self.y[:count])
        loss.backward()
        gradients = [to_bench_order(parameter) for parameter in model.parameters()]
        model.zero_grad()
        return loss.item(), gradients

    def run(self, variant, epochs):
        self.train(variant, epochs)
        if self.policy is not None and self.resident_at_first is None:
            self.resident_at_first = resident.peak() - self.resident_before

    def memory(self, variant):
        resident.reset()
        self.train(variant, 1)
        grown = resident.peak() - self.resident_before
        return {"peak": None, "resident": grown, "residentAtFirst": self.resident_at_first}

    def train(self, variant, epochs):
        model, run, optimizer = self.models[variant]
        x = self.data(variant)
        loss_of = nn.CrossEntropyLoss()
        for _ in range(epochs):
            order = torch.randperm(len(x))
            running = torch.zeros(())
            for start in range(0, len(x), self.batch):
                rows = order[start : start + self.batch]
                inputs = x[rows]
                if "channels_last" in variant:
                    inputs = inputs.to(memory_format=torch.channels_last)
                optimizer.zero_grad()
                with self.autocast():
                    loss = loss_of(run(inputs), self.y[rows])
                loss.backward()
                optimizer.step()
                running += loss.detach()
            running.item()

    def autocast(self):
        """https://docs.pytorch.org/docs/stable/amp.html: forward and loss under autocast, the backward pass outside."""
        return torch.autocast("cpu", dtype=torch.bfloat16, enabled=self.precision == "bfloat16")

    def data(self, variant):
        return self.x_last if "channels_last" in variant else self.x


class Residual(nn.Module):
    def __init__(self, body, projection):
        super().__init__()
        self.body = body
        self.projection = projection

    def forward(self, x):
        return (x if self.projection is None else self.projection(x)) + self.body(x)


class SamePadding(nn.Module):
    """Zeros below and to the right, where TensorFlow puts the odd one of `padding="same"` with a stride."""

    def __init__(self, amount):
        super().__init__()
        self.amount = amount

    def forward(self, x):
        return functional.pad(x, (0, self.amount, 0, self.amount))


def chain(network, shape, weights):
    """Modules for a list of layers, and the shape `[height, width, channels]` or `[features]` that comes out."""
    modules, flattened = [], None
    for spec in network:
        kind = spec["kind"]
        if kind == "conv":
            made, shape = convolution(spec, shape, weights)
            modules += made
        elif kind == "dense":
            modules.append(dense(spec, shape[0], weights, flattened))
            flattened = None
            shape = [spec["units"]]
        elif kind == "norm":
            modules.append(norm(shape[-1], weights))
        elif kind == "maxPool":
            modules.append(nn.MaxPool2d(spec["size"]))
            shape = [shape[0] // spec["size"], shape[1] // spec["size"], shape[2]]
        elif kind == "flatten":
            modules.append(nn.Flatten())
            flattened, shape = shape, [int(np.prod(shape))]
        elif kind == "globalPool":
            modules += [nn.AdaptiveAvgPool2d(1), nn.Flatten()]
            shape = [shape[-1]]
        elif kind == "residual":
            body, output = chain(spec["body"], shape, weights)
            projection = None
            if spec["project"]:
                one = {"filters": output[2], "size": 1, "stride": shape[0] // output[0], "bias": False}
                projection = convolution(one, shape, weights)[0][0]
            modules.append(Residual(body, projection))
            shape = output
        if spec.get("relu") or kind == "relu":
            modules.append(nn.ReLU())
    return nn.Sequential(*modules), shape


def convolution(spec, shape, weights):
    size, stride = spec["size"], spec["stride"]
    uneven = stride > 1 and size > 1
    layer = nn.Conv2d(
        shape[2], spec["filters"], size, stride=stride, padding=0 if uneven else size // 2, bias=spec["bias"]
    )
    with torch.no_grad():
        layer.weight.copy_(torch.from_numpy(next(weights)).permute(3, 2, 0, 1))
        if spec["bias"]:
            layer.bias.copy_(torch.from_numpy(next(weights)))
    layer.weight.bench_order = lambda gradient: gradient.permute(2, 3, 1, 0)
    output = [-(-shape[0] // stride), -(-shape[1] // stride), spec["filters"]]
    return ([SamePadding(size - stride), layer] if uneven else [layer]), output


def dense(spec, inputs, weights, flattened):
    """A linear layer; after flattening an image its columns are in PyTorch's order of channels, height, width."""
    layer = nn.Linear(inputs, spec["units"])
    height, width, channels = flattened or (1, 1, inputs)
    units = spec["units"]

    def from_bench(kernel):
        return kernel.reshape(height, width, channels, units).permute(3, 2, 0, 1).reshape(units, inputs)

    def to_bench(gradient):
        return gradient.reshape(units, channels, height, width).permute(2, 3, 1, 0).reshape(inputs, units)

    with torch.no_grad():
        layer.weight.copy_(from_bench(torch.from_numpy(next(weights))))
        layer.bias.copy_(torch.from_numpy(next(weights)))
    layer.weight.bench_order = to_bench
    return layer


def norm(channels, weights):
    layer = nn.BatchNorm2d(channels, eps=1e-3, momentum=0.01)
    with torch.no_grad():
        for tensor in (layer.weight, layer.bias, layer.running_mean, layer.running_var):
            tensor.copy_(torch.from_numpy(next(weights)))
    return layer


def to_bench_order(parameter):
    arrange = getattr(parameter, "bench_order", lambda gradient: gradient)
    return arrange(parameter.grad).detach().numpy()


def segments_of(model):
    """https://docs.pytorch.org/docs/stable/checkpoint.html: as many segments as each has modules."""
    segments = round(len(model) ** 0.5)
    return lambda x: checkpoint_sequential(model, segments, x, use_reentrant=False)


serve(TorchWorker(*sys.argv[1:]))
