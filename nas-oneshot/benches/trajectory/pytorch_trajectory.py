#!/usr/bin/env python3
"""Repeat in PyTorch the steps of a first-order search that the bench `trajectory` wrote down, and compare.

The network is that of `pytorch_step.py`, in the reference's arithmetic: one step of Adam on the architecture parameters
from a validation batch, then one of SGD on the weights from a training batch, whose gradients are clipped to a norm of 5.
Prints JSON: after each of some steps, the largest difference between the parameters of both sides, and how far the
parameters have moved since the beginning.
"""
import argparse
import json
import pathlib
import struct
import sys

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[3] / "nas-nn" / "benches" / "steps"))
from pytorch_step import Network  # noqa: E402

TYPES = {"F32": np.float32, "F64": np.float64, "I64": np.int64}


def read(path):
    """The tensors of a safetensors file by name."""
    data = pathlib.Path(path).read_bytes()
    length = struct.unpack("<Q", data[:8])[0]
    header, body = json.loads(data[8 : 8 + length]), data[8 + length :]

    def tensor(entry):
        begin, end = entry["data_offsets"]
        values = np.frombuffer(body[begin:end], TYPES[entry["dtype"]]).reshape(entry["shape"])
        return torch.from_numpy(values.copy())

    return {name: tensor(entry) for name, entry in header.items() if name != "__metadata__"}


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--run", required=True, help="the file that the bench wrote")
    p.add_argument("--channels", type=int, required=True)
    p.add_argument("--layers", type=int, required=True)
    p.add_argument("--threads", type=int, default=2)
    p.add_argument("--double", action="store_true", help="compute in f64: how far rounding alone leads apart")
    a = p.parse_args()
    torch.set_num_threads(a.threads)
    kind = torch.float64 if a.double else torch.float32
    run = read(a.run)
    net = Network(True, a.channels, a.layers).to(kind)
    given = [run[name] for name in sorted(name for name in run if name.startswith("weights."))]
    weights = list(net.parameters())
    if [tuple(w.shape) for w in weights] != [tuple(g.shape) for g in given]:
        sys.exit("the two networks have other weights, or in another order")
    with torch.no_grad():
        for w, g in zip(weights, given):
            w.copy_(g)
    net.alphas = [run[f"alphas.{table}"].to(kind).requires_grad_() for table in (0, 1)]
    begin = [alpha.detach().clone() for alpha in net.alphas]
    adam = torch.optim.Adam(net.alphas, 3e-4, betas=(0.5, 0.999), weight_decay=1e-3)
    sgd = torch.optim.SGD(weights, 0.025, momentum=0.9, weight_decay=3e-4)
    images = {part: run[f"{part}.images"].to(kind) for part in ("train", "validation")}
    steps, rows = len(images["train"]), []
    for step in range(steps):
        adam.zero_grad()
        F.cross_entropy(net(images["validation"][step]), run["validation.labels"][step]).backward()
        adam.step()
        sgd.zero_grad()
        loss = F.cross_entropy(net(images["train"][step]), run["train.labels"][step])
        loss.backward()
        nn.utils.clip_grad_norm_(weights, 5.0)
        sgd.step()
        tables = list(zip(net.alphas, (run["reached.alphas.0"][step], run["reached.alphas.1"][step]), begin))
        apart = torch.cat([(ours - alpha.detach().double()).abs().flatten() for alpha, ours, _ in tables])
        moved = torch.cat([(alpha.detach() - start).abs().flatten() for alpha, _, start in tables])
        rows.append({"step": step + 1, "apart": apart.max().item(), "apart_mean": apart.mean().item(),
                     "moved": moved.max().item(), "moved_mean": moved.mean().item(), "loss": loss.item(),
                     "loss_ours": run["reached.loss"][step].item()})
    print(json.dumps({"torch": torch.__version__, "steps": rows}))


if __name__ == "__main__":
    main()
