"""Runs exported networks in ONNX Runtime and PyTorch, and compares their logits with ours.

Prints one JSON document a line, for each case, file and runtime.
"""

import argparse
import importlib.util
import json
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from safetensors.numpy import load_file


def reads(variant, images, normalization):
    """The images as the exported network of a variant reads them; `images` are pixels from 0 to 1."""
    if variant == "unit":
        return images
    if variant == "bytes":
        return np.rint(images * 255).astype(np.uint8)
    mean, std = (np.float32(normalization[key]).reshape(1, -1, 1, 1) for key in ("mean", "std"))
    return (images - mean) / std


def run_onnx(path, variant, images):
    model = onnx.load(path)
    onnx.checker.check_model(model, full_check=True)
    metadata = {entry.key: entry.value for entry in model.metadata_props}
    images = reads(variant, images, json.loads(metadata["normalization"]))
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    answer = session.run(None, {session.get_inputs()[0].name: images})[0]
    # The batch is free: one image alone gets the same answer.
    alone = session.run(None, {session.get_inputs()[0].name: images[:1]})[0]
    assert alone.shape == answer[:1].shape, alone.shape
    return answer, np.abs(alone - answer[:1]).max()


def run_torch(path, variant, images):
    import torch

    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    images = reads(variant, images, module.METADATA["normalization"])
    with torch.inference_mode():
        network = module.load()
        answer = network(torch.from_numpy(images)).numpy()
        alone = network(torch.from_numpy(images[:1])).numpy()
    return answer, np.abs(alone - answer[:1]).max()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--onnx-only", action="store_true")
    parser.add_argument("--variants", nargs="+", required=True)
    parser.add_argument("--cases", nargs="+", required=True)
    options = parser.parse_args()
    runtimes = [("ONNX Runtime", "onnx", run_onnx)]
    if not options.onnx_only:
        runtimes.append(("PyTorch", "py", run_torch))
    for case in options.cases:
        ours = load_file(options.folder / case / "logits.safetensors")
        right = lambda logits: int((logits.argmax(1) == ours["labels"]).sum())
        for runtime, extension, run in runtimes:
            for variant in options.variants:
                path = options.folder / case / f"{variant}.{extension}"
                logits, alone = run(path, variant, ours["images"])
                outcome = {
                    "case": case,
                    "variant": variant,
                    "runtime": runtime,
                    "images": len(logits),
                    "largest": float(np.abs(ours["logits"]).max()),
                    "difference": float(max(np.abs(logits - ours["logits"]).max(), alone)),
                    "ours": right(ours["logits"]),
                    "theirs": right(logits),
                }
                print(json.dumps(outcome), flush=True)


if __name__ == "__main__":
    main()
