#!/usr/bin/env python3
"""Repeat in PyTorch the steps of a first-order search that the bench `trajectory` wrote down, and compare.

The network is that of `pytorch_step.py`, in the reference's arithmetic: one step of Adam on the architecture parameters
from a validation batch, then one of SGD on the weights from a training batch, whose gradients are clipped to a norm of 5.
PyTorch runs it twice, with channels outermost and innermost: the same arithmetic, rounded in another order. Prints JSON:
after each step the mean difference between the parameters of both sides, that between PyTorch's two runs, and how far the
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


class Side:
    """One network with its optimisers, from the weights and parameters that were written down."""

    def __init__(self, run, channels, layers, memory_format):
        self.format = memory_format
        self.net = Network(True, channels, layers).to(memory_format=memory_format)
        self.weights = list(self.net.parameters())
        given = [run[name] for name in sorted(name for name in run if name.startswith("weights."))]
        if [tuple(w.shape) for w in self.weights] != [tuple(g.shape) for g in given]:
            sys.exit("the two networks have other weights, or in another order")
        with torch.no_grad():
            for w, g in zip(self.weights, given):
                w.copy_(g)
        self.net.alphas = [run[f"alphas.{table}"].float().clone().requires_grad_() for table in (0, 1)]
        self.adam = torch.optim.Adam(self.net.alphas, 3e-4, betas=(0.5, 0.999), weight_decay=1e-3)
        self.sgd = torch.optim.SGD(self.weights, 0.025, momentum=0.9, weight_decay=3e-4)

    def loss(self, images, labels):
        return F.cross_entropy(self.net(images.contiguous(memory_format=self.format)), labels)

    def step(self, run, number):
        """One step of both levels; the loss of the training batch."""
        self.adam.zero_grad()
        self.loss(run["validation.images"][number], run["validation.labels"][number]).backward()
        self.adam.step()
        self.sgd.zero_grad()
        loss = self.loss(run["train.images"][number], run["train.labels"][number])
        loss.backward()
        nn.utils.clip_grad_norm_(self.weights, 5.0)
        self.sgd.step()
        return loss.item()

    def alphas(self):
        return torch.cat([alpha.detach().double().flatten() for alpha in self.net.alphas])


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--run", required=True, help="the file that the bench wrote")
    p.add_argument("--channels", type=int, required=True)
    p.add_argument("--layers", type=int, required=True)
    p.add_argument("--threads", type=int, default=2)
    a = p.parse_args()
    torch.set_num_threads(a.threads)
    run = read(a.run)
    formats = (torch.contiguous_format, torch.channels_last)
    side, twin = (Side(run, a.channels, a.layers, memory_format) for memory_format in formats)
    begin, rows = side.alphas(), []
    for number in range(len(run["train.images"])):
        loss = side.step(run, number)
        twin.step(run, number)
        theirs = side.alphas()
        ours = torch.cat([run[f"reached.alphas.{table}"][number].double().flatten() for table in (0, 1)])
        rows.append({"step": number + 1, "apart": (ours - theirs).abs().mean().item(),
                     "twin": (twin.alphas() - theirs).abs().mean().item(),
                     "moved": (theirs - begin).abs().mean().item(), "loss": loss,
                     "loss_ours": run["reached.loss"][number].item()})
    print(json.dumps({"torch": torch.__version__, "steps": rows}))


if __name__ == "__main__":
    main()
