//! A network as a PyTorch module that one can read, and its weights under the same names.

mod forward;
mod layers;
#[cfg(test)]
mod tests;

use candle_core::{Device, Tensor};
use serde_json::Value;

use super::inference::Inference;
use super::{ExportOptions, Pixels, prepare};
use crate::{Network, NnError};

/// The format of the weights' file, and its version, for [`checkpoint::write`](crate::checkpoint::write).
pub const WEIGHTS_FORMAT: (&str, u32) = ("nas-export", 1);

/// A PyTorch module.
pub struct PyTorch {
    /// The Python file: a class `Network` and a function `load`. It needs nothing but torch and safetensors.
    pub source: String,
    /// Its weights and running statistics in f32, by the names that its `state_dict` has.
    pub tensors: Vec<(String, Tensor)>,
}

/// Writes a network as a PyTorch module: images `[batch, channels, height, width]`, as [`Pixels`] says, to logits
/// `[batch, classes]`. What only training has (dropped paths, the auxiliary head) is left out. `weights` is the name of the
/// safetensors file beside it, which its `load` reads.
///
/// # Errors
/// [`NnError::Export`] for a supernet or a custom layer, or a normalisation that does not fit.
pub fn pytorch(network: &Network, options: &ExportOptions, weights: &str) -> Result<PyTorch, NnError> {
    let inference = prepare(network, options)?;
    let mut tensors = Vec::new();
    for operation in &inference.operations {
        for weight in &operation.weights {
            let tensor = Tensor::from_slice(&weight.values, &weight.shape[..], &Device::Cpu)?;
            tensors.push((operation.path(weight), tensor));
        }
    }
    Ok(PyTorch { source: source(&inference, options, weights)?, tensors })
}

fn source(inference: &Inference<'_>, options: &ExportOptions, weights: &str) -> Result<String, NnError> {
    let image = inference.graph.input_shape();
    let classes = inference.graph.node(inference.output).shape.elements();
    let (reads, prepared) = match &options.pixels {
        Pixels::Normalized => ("normalised images: every channel less its mean, divided by its deviation", ""),
        Pixels::Unit(_) => ("pixels from 0 to 1", "        images = (images - self.mean) / self.std\n"),
        Pixels::Bytes(_) => ("bytes from 0 to 255", "        images = (images.float() / 255 - self.mean) / self.std\n"),
    };
    let mut python = format!(
        "\"\"\"A network by nas {version}, for PyTorch.\n\n    \
         network = load()              # reads {weights}, beside this file\n    \
         logits = network(images)      # {channels}x{height}x{width} images to {classes} classes\n\n\
         It reads {reads}.\n\"\"\"\n\n\
         from pathlib import Path\n\nimport torch\nimport torch.nn.functional as F\nfrom torch import nn\n\n\
         WEIGHTS = {file}\n",
        file = literal(&Value::from(weights)),
        version = env!("CARGO_PKG_VERSION"),
        channels = image.channels,
        height = image.height,
        width = image.width,
    );
    if !options.metadata.is_empty() {
        let entries = options
            .metadata
            .iter()
            .map(|(key, value)| format!("    {}: {},\n", literal(&Value::from(key.as_str())), literal(value)));
        python += &format!("METADATA = {{\n{}}}\n", entries.collect::<String>());
    }
    python += "\n\nclass Network(nn.Module):\n    def __init__(self):\n        super().__init__()\n";
    if let Some(normalization) = options.pixels.normalization() {
        for (name, values) in [("mean", &normalization.mean), ("std", &normalization.std)] {
            let values: Vec<String> = values.iter().map(f32::to_string).collect();
            let tensor = format!("torch.tensor([{}]).view(1, -1, 1, 1)", values.join(", "));
            python += &format!("        self.register_buffer(\"{name}\", {tensor}, persistent=False)\n");
        }
    }
    let parts = forward::parts(inference);
    for part in &parts {
        let mut lines = Vec::new();
        for operation in &inference.operations[part.operations.clone()] {
            lines.extend(layers::construct(inference, operation)?);
        }
        if !lines.is_empty() {
            python += &format!("        # {}\n", part.title);
            lines.iter().for_each(|line| python += &format!("        {line}\n"));
        }
    }
    python += PUT;
    python += &format!("\n    def forward(self, images):\n{prepared}");
    python += &forward::calls(&parts);
    for part in &parts {
        python += &forward::method(inference, part)?;
    }
    if python.contains("mean_inside(") {
        python += MEAN_INSIDE;
    }
    python += LOAD;
    Ok(python)
}

/// A JSON value as Python writes it.
fn literal(value: &Value) -> String {
    match value {
        Value::Null => "None".to_owned(),
        Value::Bool(true) => "True".to_owned(),
        Value::Bool(false) => "False".to_owned(),
        Value::Array(values) => format!("[{}]", values.iter().map(literal).collect::<Vec<_>>().join(", ")),
        Value::Object(entries) => {
            let entry = |(key, value): (&String, &Value)| format!("{}: {}", Value::from(key.as_str()), literal(value));
            format!("{{{}}}", entries.iter().map(entry).collect::<Vec<_>>().join(", "))
        }
        number_or_text => number_or_text.to_string(),
    }
}

const PUT: &str = r#"
    def put(self, path, layer):
        """Keeps a layer under a path with dots, as its tensors are called in the file."""
        *groups, name = path.split(".")
        module = self
        for group in groups:
            if group not in module._modules:
                module.add_module(group, nn.Module())
            module = module._modules[group]
        if name in module._modules:
            raise ValueError(f"there is a layer {path} already")
        module.add_module(name, layer)
"#;

const MEAN_INSIDE: &str = r#"

def mean_inside(x, kernel, stride, pad):
    """Average pooling over the pixels inside the image, which is padded (left, right, above, below)."""
    inside = F.avg_pool2d(F.pad(torch.ones_like(x[:1, :1]), pad), kernel, stride)
    return F.avg_pool2d(F.pad(x, pad), kernel, stride) / inside
"#;

const LOAD: &str = r#"

def load(path=None, device="cpu"):
    """The trained network, ready to classify; without a path, with the weights beside this file."""
    from safetensors.torch import load_file

    path = Path(__file__).with_name(WEIGHTS) if path is None else Path(path)
    network = Network()
    found = network.load_state_dict(load_file(path, device=device), strict=False)
    # PyTorch's batch norms count batches besides, which only training reads.
    missing = [name for name in found.missing_keys if not name.endswith("num_batches_tracked")]
    if missing or found.unexpected_keys:
        raise ValueError(f"{path} belongs to another network: missing {missing}, unexpected {found.unexpected_keys}")
    return network.to(device).eval()
"#;
