#!/usr/bin/env python3
"""Time one case of the bench `steps` in PyTorch: the yardstick for the same pass in this project.

A case is named as `steps --list` names it: `darts_v2 c36 l20 b96 32x32`, with ` evaluate` behind it for a forward pass.
A training step is forward, backward, clipping to a norm of 5 and SGD, as in the code of DARTS (Liu et al. 2019).
darts_v2: the published cell. supernet: the weight step, every edge mixing the eight operations, the alphas held fixed;
with ` first_order` or ` second_order` behind it the whole search step, Adam on the alphas before SGD on the weights.
The rest are chains of eight copies of one operation behind a 1x1 stem, before a linear head.
Prints JSON: seconds of each repeat, peak bytes and those once torch is imported (null where not on Linux), parameters,
the version of torch.
"""
import argparse
import contextlib
import json
import time

import torch
from torch import nn
from torch.nn import functional as F

COPIES = 8
REPEATS = 3
OPS = ["none", "max_pool_3x3", "avg_pool_3x3", "skip_connect", "sep_conv_3x3", "sep_conv_5x5", "dil_conv_3x3", "dil_conv_5x5"]
V2_NORMAL = [("sep_conv_3x3", 0), ("sep_conv_3x3", 1), ("sep_conv_3x3", 0), ("sep_conv_3x3", 1),
             ("sep_conv_3x3", 1), ("skip_connect", 0), ("skip_connect", 0), ("dil_conv_3x3", 2)]
V2_REDUCE = [("max_pool_3x3", 0), ("max_pool_3x3", 1), ("skip_connect", 2), ("max_pool_3x3", 1),
             ("max_pool_3x3", 0), ("skip_connect", 2), ("skip_connect", 2), ("max_pool_3x3", 1)]


def conv(cin, cout, k=1, stride=1, pad=0, dilation=1, groups=1):
    return nn.Conv2d(cin, cout, k, stride, pad, dilation, groups, bias=False)


def depthwise_pair(c, k, stride, pad, dilation, affine):
    return [nn.ReLU(), conv(c, c, k, stride, pad, dilation, c), conv(c, c), nn.BatchNorm2d(c, affine=affine)]


class HalveResolution(nn.Module):
    def __init__(self, cin, cout, affine):
        super().__init__()
        self.even, self.odd = conv(cin, cout // 2, 1, 2), conv(cin, cout // 2, 1, 2)
        self.norm = nn.BatchNorm2d(cout, affine=affine)

    def forward(self, x):
        x = F.relu(x)
        return self.norm(torch.cat([self.even(x), self.odd(x[:, :, 1:, 1:])], 1))


class Nothing(nn.Module):
    def __init__(self, stride):
        super().__init__()
        self.stride = stride

    def forward(self, x):
        return x[:, :, :: self.stride, :: self.stride] * 0.0


class AddNorm(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.norm = nn.BatchNorm2d(c)

    def forward(self, x):
        return x + self.norm(x)


def operation(name, c, stride=1, affine=True, norm_pools=False):
    """An operation of the DARTS space."""
    kind, _, size = name.rpartition("_")
    k = int(size[0]) if "x" in size else 0
    if name == "none":
        return Nothing(stride)
    if name == "skip_connect":
        return nn.Identity() if stride == 1 else HalveResolution(c, c, affine)
    if "pool" in kind:
        pool = nn.MaxPool2d(3, stride, 1) if kind == "max_pool" else nn.AvgPool2d(3, stride, 1, count_include_pad=False)
        return nn.Sequential(pool, nn.BatchNorm2d(c, affine=False)) if norm_pools else pool
    if kind == "sep_conv":
        return nn.Sequential(*depthwise_pair(c, k, stride, k // 2, 1, affine), *depthwise_pair(c, k, 1, k // 2, 1, affine))
    return nn.Sequential(*depthwise_pair(c, k, stride, k - 1, 2, affine))


def link(name, c):
    """One copy of the operation of a chain."""
    layers = {
        "nor_conv_1x1": lambda: [nn.ReLU(), conv(c, c), nn.BatchNorm2d(c)],
        "nor_conv_3x3": lambda: [nn.ReLU(), conv(c, c, 3, pad=1), nn.BatchNorm2d(c)],
        "conv_7x1_1x7": lambda: [nn.ReLU(), conv(c, c, (1, 7), pad=(0, 3)), conv(c, c, (7, 1), pad=(3, 0)), nn.BatchNorm2d(c)],
        "depthwise_7x7": lambda: [nn.ReLU(), conv(c, c, 7, pad=3, groups=c), nn.BatchNorm2d(c)],
        "batch_norm": lambda: [nn.BatchNorm2d(c)],
        "add_batch_norm": lambda: [AddNorm(c)],
    }
    return nn.Sequential(*layers[name]()) if name in layers else operation(name, c)


class Cell(nn.Module):
    def __init__(self, genes, c_before, c_last, c, reduction, after_reduction, affine):
        super().__init__()
        self.genes = genes

        def adapt(cin):
            return nn.Sequential(nn.ReLU(), conv(cin, c), nn.BatchNorm2d(c, affine=affine))

        def stride(source):
            return 2 if reduction and source < 2 else 1

        self.first = HalveResolution(c_before, c, affine) if after_reduction else adapt(c_before)
        self.second = adapt(c_last)
        if genes is None:
            self.edges = nn.ModuleList(nn.ModuleList(operation(name, c, stride(j), False, True) for name in OPS)
                                       for node in range(4) for j in range(node + 2))
        else:
            self.edges = nn.ModuleList(operation(name, c, stride(j), affine) for name, j in genes)

    def forward(self, before, last, weights):
        states, edge = [self.first(before), self.second(last)], 0
        for node in range(4):
            if self.genes is None:
                total = 0
                for state in list(states):
                    total = total + sum(w * op(state) for w, op in zip(weights[edge], self.edges[edge]))
                    edge += 1
            else:
                total = sum(self.edges[2 * node + i](states[self.genes[2 * node + i][1]]) for i in (0, 1))
            states.append(total)
        return torch.cat(states[2:], 1)


class Network(nn.Module):
    def __init__(self, supernet, c, cells):
        super().__init__()
        affine = not supernet
        self.stem = nn.Sequential(conv(3, 3 * c, 3, 1, 1), nn.BatchNorm2d(3 * c))
        self.alphas = [1e-3 * torch.randn(14, 8) for _ in range(2)] if supernet else []
        self.cells, self.kind = nn.ModuleList(), []
        before, last, after_reduction = 3 * c, 3 * c, False
        for i in range(cells):
            reduction = i in (cells // 3, 2 * cells // 3)
            c = 2 * c if reduction else c
            genes = None if supernet else (V2_REDUCE if reduction else V2_NORMAL)
            self.cells.append(Cell(genes, before, last, c, reduction, after_reduction, affine))
            self.kind.append(int(reduction))
            before, last, after_reduction = last, 4 * c, reduction
        self.classifier = nn.Linear(last, 10)

    def forward(self, x):
        before = last = self.stem(x)
        weights = [F.softmax(a, -1) for a in self.alphas] or [None, None]
        for cell, kind in zip(self.cells, self.kind):
            before, last = last, cell(before, last, weights[kind])
        return self.classifier(last.mean((2, 3)))


class Chain(nn.Module):
    def __init__(self, name, c):
        super().__init__()
        self.body = nn.Sequential(conv(3, c), nn.BatchNorm2d(c), *(link(name, c) for _ in range(COPIES)))
        self.classifier = nn.Linear(c, 10)

    def forward(self, x):
        return self.classifier(self.body(x).mean((2, 3)))


def parse(name):
    """The name of a case, taken apart: network, numbers by their letter, rows and columns, what is repeated."""
    network, *words = name.split()
    kinds = ["evaluate", "first_order", "second_order"]
    kind = next((word for word in words if word in kinds), "train")
    words = [word for word in words if word not in kinds]
    size = next([int(n) for n in word.split("x")] for word in words if "x" in word)
    numbers = {word[0]: int(word[1:]) for word in words if "x" not in word}
    return network, numbers, size, kind


def peak_bytes():
    """VmHWM, the peak of this process alone; what getrusage says can come from the process that started it."""
    with contextlib.suppress(OSError), open("/proc/self/status") as status:
        return next(1024 * int(line.split()[1]) for line in status if line.startswith("VmHWM:"))
    return None


def main():
    imported = peak_bytes()
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--case", required=True)
    p.add_argument("--seconds", type=float, default=2.0, help="repeat until these are measured, thrice at least")
    p.add_argument("--threads", type=int, default=2)
    p.add_argument("--channels-last", action="store_true")
    p.add_argument("--bf16", action="store_true", help="run the forward pass under autocast to bfloat16")
    a = p.parse_args()
    torch.set_num_threads(a.threads)
    torch.manual_seed(0)
    network, numbers, size, kind = parse(a.case)
    if network in ("darts_v2", "supernet"):
        net = Network(network == "supernet", numbers["c"], numbers["l"])
    else:
        net = Chain(network, numbers["c"])
    x, y = torch.randn(numbers["b"], 3, *size), torch.arange(numbers["b"]) % 10
    x_validation = torch.randn_like(x)
    if a.channels_last:
        net = net.to(memory_format=torch.channels_last)
        x, x_validation = (images.to(memory_format=torch.channels_last) for images in (x, x_validation))
    weights = list(net.parameters())
    alphas = [alpha.requires_grad_() for alpha in getattr(net, "alphas", [])] if kind.endswith("order") else []
    adam = torch.optim.Adam(alphas, 3e-4, betas=(0.5, 0.999), weight_decay=1e-3) if alphas else None
    # The update in one pass over memory, as ours is.
    sgd = torch.optim.SGD(weights, 0.025, momentum=0.9, weight_decay=3e-4, fused=True)
    precision = torch.autocast("cpu", torch.bfloat16, enabled=a.bf16)

    def step():
        sgd.zero_grad()
        with precision:
            loss = F.cross_entropy(net(x), y)
        loss.backward()
        nn.utils.clip_grad_norm_(weights, 5.0)
        sgd.step()

    def loss_on(images):
        with precision:
            return F.cross_entropy(net(images), y)

    def move(start, factor, direction):
        with torch.no_grad():
            for w, s, d in zip(weights, start, direction):
                w.copy_(s + factor * d)

    def first_order():
        # The reference, too, lets autograd work out the gradients of the weights here, and throws them away.
        adam.zero_grad()
        loss_on(x_validation).backward()
        adam.step()
        step()

    def second_order():
        start = [w.detach().clone() for w in weights]
        gradients = torch.autograd.grad(loss_on(x), weights)
        buffers = [sgd.state[w].get("momentum_buffer") for w in weights]
        direction = [g + 3e-4 * w + (0 if b is None else 0.9 * b) for g, w, b in zip(gradients, start, buffers)]
        move(start, -0.025, direction)
        ahead = torch.autograd.grad(loss_on(x_validation), [*alphas, *weights])
        own, vector = ahead[: len(alphas)], ahead[len(alphas) :]
        reach = 0.01 / torch.stack([v.norm() for v in vector]).norm()
        move(start, reach, vector)
        beyond = torch.autograd.grad(loss_on(x), alphas)
        move(start, -reach, vector)
        before = torch.autograd.grad(loss_on(x), alphas)
        move(start, 0.0, vector)
        for alpha, o, p, n in zip(alphas, own, beyond, before):
            alpha.grad = o - 0.025 * (p - n) / (2 * reach)
        adam.step()
        step()

    @torch.inference_mode()
    def forward():
        with precision:
            net(x)

    net.train(kind != "evaluate")
    once = {"evaluate": forward, "train": step, "first_order": first_order, "second_order": second_order}[kind]
    seconds = []
    once()
    while len(seconds) < REPEATS or sum(seconds) < a.seconds:
        start = time.perf_counter()
        once()
        seconds.append(time.perf_counter() - start)
    print(json.dumps({"seconds": seconds, "peak_bytes": peak_bytes(), "imported_bytes": imported,
                      "parameters": sum(w.numel() for w in weights), "threads": a.threads, "torch": torch.__version__}))


if __name__ == "__main__":
    main()
