//! A network as an ONNX model: one input `images`, one output `logits`, weights inside.

#[cfg(test)]
mod interpreter;
mod layers;
mod message;
#[cfg(test)]
mod tests;

use prost::Message;
use serde_json::Value;

use super::inference::Inference;
use super::{ExportOptions, Pixels, prepare};
use crate::{Network, NnError};
use layers::Writer;
use message::{Attribute, Entry, FLOAT, Graph, Model, OperatorSet, UINT8, ValueInfo};

/// The version of the operators: the first that all of today's runtimes know and that has `Shape` with a start.
const OPSET: i64 = 17;

/// The version of the file format that goes with it.
const IR_VERSION: i64 = 8;

/// What the image is called.
const IMAGES: &str = "images";

/// What the answer is called.
const LOGITS: &str = "logits";

/// Writes a network as an ONNX model (opset 17): `images` `[batch, channels, height, width]` in f32, or u8 for
/// [`Pixels::Bytes`], to `logits` `[batch, classes]` in f32. The batch is free; weights, f32 whatever the network's type,
/// are inside under the paths of the network's parameters. Batch norms use running statistics, and what only training
/// has (dropped paths, the auxiliary head) is left out. Equal networks give equal bytes.
///
/// # Errors
/// [`NnError::Export`] for a supernet or a custom layer, a normalisation that does not fit, or a model of 2 GiB and more,
/// which ONNX's file format does not hold.
pub fn onnx(network: &Network, options: &ExportOptions) -> Result<Vec<u8>, NnError> {
    let inference = prepare(network, options)?;
    let bytes = model(&inference, options)?.encode_to_vec();
    if bytes.len() > i32::MAX as usize {
        let reason =
            format!("the model has {} bytes, an ONNX file at most {}; export to PyTorch", bytes.len(), i32::MAX);
        return Err(NnError::Export { layer: network.graph().node(network.graph().output()).name.clone(), reason });
    }
    Ok(bytes)
}

fn model(inference: &Inference<'_>, options: &ExportOptions) -> Result<Model, NnError> {
    let graph = inference.graph;
    let mut writer = Writer::new(inference);
    normalize(&mut writer, &options.pixels);
    for operation in &inference.operations {
        layers::write(&mut writer, operation)?;
    }
    let (node, initializer) = writer.finish();
    let image = graph.input_shape();
    let elements = if let Pixels::Bytes(_) = options.pixels { UINT8 } else { FLOAT };
    let classes = graph.node(inference.output).shape.elements();
    let graph = Graph {
        node,
        name: "network".to_owned(),
        initializer,
        input: vec![ValueInfo::batch(IMAGES, elements, &[image.channels, image.height, image.width])],
        output: vec![ValueInfo::batch(LOGITS, FLOAT, &[classes])],
    };
    // ONNX has texts only; what is none is written as JSON.
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let entry = |(key, value): &(String, Value)| Entry { key: key.clone(), value: text(value) };
    Ok(Model {
        ir_version: IR_VERSION,
        producer_name: "nas".to_owned(),
        producer_version: env!("CARGO_PKG_VERSION").to_owned(),
        graph: Some(graph),
        opset_import: vec![OperatorSet { domain: String::new(), version: OPSET }],
        metadata_props: options.metadata.iter().map(entry).collect(),
    })
}

/// Brings pixels to what the network reads, in the steps and the order of the training's own.
fn normalize(writer: &mut Writer<'_>, pixels: &Pixels) {
    let Some(normalization) = pixels.normalization() else { return };
    let channels = [1, normalization.mean.len(), 1, 1];
    let mut value = IMAGES.to_owned();
    if let Pixels::Bytes(_) = pixels {
        value = writer.node("Cast", "normalize.cast", &[value], vec![Attribute::int("to", FLOAT as usize)]);
        let white = writer.floats("normalize.white", &[], &[255.0]);
        value = writer.node("Div", "normalize.unit", &[value, white], vec![]);
    }
    let mean = writer.floats("normalize.mean", &channels, &normalization.mean);
    let std = writer.floats("normalize.std", &channels, &normalization.std);
    let value = writer.node("Sub", "normalize.centre", &[value, mean], vec![]);
    let value = writer.node("Div", "normalize.scale", &[value, std], vec![]);
    writer.image(value);
}
