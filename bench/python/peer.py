"""What the Python peers share: the bench's protocol (one JSON line a request) and the task's arrays."""

import json
import os
import sys
import time
import traceback

import numpy as np


def read_task(task):
    """Inputs `[examples, ...]`, labels `[examples]`, and the initial weights in the bench's order."""
    workload = task["workload"]
    x = np.fromfile(task["xFile"], dtype="<f4").reshape([task["examples"], *workload["input"]])
    y = np.fromfile(task["yFile"], dtype="<i4")
    values = np.fromfile(task["weightsFile"], dtype="<f4")
    weights, position = [], 0
    for spec in task["weights"]:
        size = int(np.prod(spec["shape"]))
        weights.append(values[position : position + size].reshape(spec["shape"]).copy())
        position += size
    return x, y, weights


def serve(worker):
    """Answers requests until the input ends. Whatever a framework prints goes to standard error."""
    replies = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    for line in sys.stdin:
        try:
            reply = answer(worker, json.loads(line))
        except Exception:
            reply = {"error": traceback.format_exc(limit=-6)}
        replies.write(json.dumps(reply) + "\n")
        replies.flush()


def answer(worker, request):
    action = request["do"]
    if action == "facts":
        return {"facts": worker.facts()}
    if action == "load":
        return {"variants": worker.load(request["task"], request["precision"])}
    if action == "prepare":
        worker.prepare(request["variant"])
        return {}
    if action == "check":
        loss, gradients = worker.check(request["variant"])
        np.concatenate([np.ravel(gradient) for gradient in gradients]).astype("<f4").tofile(request["gradientsFile"])
        return {"loss": loss}
    if action == "memory":
        return worker.memory(request["variant"])
    if action == "run":
        start = time.perf_counter()
        worker.run(request["variant"], request["epochs"])
        return {"seconds": time.perf_counter() - start}
    raise ValueError(f"unknown request {action!r}")
