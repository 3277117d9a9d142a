//! Each layer in ONNX's operators.

use nas_space::{Layer, Pool, PoolKind, Window};

use super::message::{Attribute, FLOAT, INT64, Node, Tensor};
use super::{IMAGES, LOGITS};
use crate::NnError;
use crate::export::inference::{Inference, Operation};
use crate::network::norm::EPSILON;

/// Collects nodes and tensors. A value is called as the layer that yields it.
pub(super) struct Writer<'a> {
    inference: &'a Inference<'a>,
    nodes: Vec<Node>,
    tensors: Vec<Tensor>,
    /// What the network's image is called.
    image: String,
}

impl<'a> Writer<'a> {
    pub(super) fn new(inference: &'a Inference<'a>) -> Self {
        Self { inference, nodes: Vec::new(), tensors: Vec::new(), image: IMAGES.to_owned() }
    }

    pub(super) fn finish(self) -> (Vec<Node>, Vec<Tensor>) {
        (self.nodes, self.tensors)
    }

    /// The layers read this value as their image.
    pub(super) fn image(&mut self, value: String) {
        self.image = value;
    }

    /// Appends a node, and returns its value, which has its name.
    pub(super) fn node(&mut self, operator: &str, name: &str, inputs: &[String], attribute: Vec<Attribute>) -> String {
        let (name, op_type) = (name.to_owned(), operator.to_owned());
        self.nodes.push(Node {
            input: inputs.to_vec(),
            output: vec![name.clone()],
            name: name.clone(),
            op_type,
            attribute,
        });
        name
    }

    /// Appends a tensor of floats, and returns its name.
    pub(super) fn floats(&mut self, name: &str, shape: &[usize], values: &[f32]) -> String {
        let bytes = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        self.tensor(name, FLOAT, shape, bytes)
    }

    /// Appends a list of whole numbers, and returns its name.
    fn ints(&mut self, name: &str, values: &[i64]) -> String {
        let bytes = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        self.tensor(name, INT64, &[values.len()], bytes)
    }

    fn tensor(&mut self, name: &str, data_type: i32, shape: &[usize], raw_data: Vec<u8>) -> String {
        let dims = shape.iter().map(|size| *size as i64).collect();
        self.tensors.push(Tensor { dims, data_type, name: name.to_owned(), raw_data });
        name.to_owned()
    }

    /// What the value of a node of the network is called.
    fn value(&self, node: usize) -> String {
        match node {
            0 => self.image.clone(),
            _ => self.inference.graph.node(node).name.clone(),
        }
    }
}

/// Appends the nodes of a layer.
pub(super) fn write(writer: &mut Writer<'_>, operation: &Operation<'_>) -> Result<(), NnError> {
    let name = operation.name;
    let last = operation.node == writer.inference.output;
    let inputs: Vec<String> = operation.inputs.iter().map(|&input| writer.value(input)).collect();
    // The logits are rows of numbers, where within the network all values are maps.
    let own = if last { format!("{name}.map") } else { name.to_owned() };
    match operation.layer {
        Layer::Conv2d(conv) => {
            let (input, pads) = padded(writer, name, &inputs[0], &conv.window);
            let mut attributes = window(&conv.window, &pads);
            attributes.push(Attribute::int("group", conv.groups));
            attributes.push(Attribute::ints("dilations", &conv.window.dilation));
            let weights = weights(writer, operation);
            writer.node("Conv", &own, &[vec![input], weights].concat(), attributes);
        }
        Layer::Linear { .. } => {
            let rows = writer.node("Flatten", &format!("{name}.rows"), &inputs, vec![Attribute::int("axis", 1)]);
            let weights = weights(writer, operation);
            let transposed = vec![Attribute::int("transB", 1)];
            let inputs = [vec![rows], weights].concat();
            if last {
                writer.node("Gemm", LOGITS, &inputs, transposed);
                return Ok(());
            }
            let row = writer.node("Gemm", &format!("{name}.row"), &inputs, transposed);
            let axes = writer.ints(&format!("{name}.axes"), &[2, 3]);
            writer.node("Unsqueeze", &own, &[row, axes], vec![]);
        }
        Layer::BatchNorm { .. } => batch_norm(writer, operation, &inputs[0], &own),
        Layer::Relu => drop(writer.node("Relu", &own, &inputs, vec![])),
        Layer::Pool(pool) => pooling(writer, operation, pool, &inputs[0], &own)?,
        Layer::GlobalAveragePool => drop(writer.node("GlobalAveragePool", &own, &inputs, vec![])),
        Layer::Add => drop(writer.node("Sum", &own, &inputs, vec![])),
        Layer::Concat => drop(writer.node("Concat", &own, &inputs, vec![Attribute::int("axis", 1)])),
        Layer::Narrow { channels } => {
            let mut numbers = |what: &str, value: i64| writer.ints(&format!("{name}.{what}"), &[value]);
            let bounds = [numbers("first", 0), numbers("end", *channels as i64), numbers("axis", 1)];
            writer.node("Slice", &own, &[inputs, bounds.to_vec()].concat(), vec![]);
        }
        Layer::Select { channels } => {
            let numbers: Vec<i64> = channels.iter().map(|&channel| channel as i64).collect();
            let numbers = writer.ints(&format!("{name}.channels"), &numbers);
            writer.node("Gather", &own, &[inputs, vec![numbers]].concat(), vec![Attribute::int("axis", 1)]);
        }
        Layer::Pad { before, after } => {
            let sides = [before[0], before[1], after[0], after[1]].map(|side| side as i64);
            pad(writer, name, &own, &inputs[0], sides);
        }
        Layer::Zero { .. } => {
            let shape = writer.inference.graph.node(operation.node).shape;
            let ends = vec![Attribute::int("start", 0), Attribute::int("end", 1)];
            let batch = writer.node("Shape", &format!("{name}.batch"), &inputs, ends);
            let sizes = [shape.channels, shape.height, shape.width].map(|size| size as i64);
            let sizes = writer.ints(&format!("{name}.sizes"), &sizes);
            let axis = vec![Attribute::int("axis", 0)];
            let shape = writer.node("Concat", &format!("{name}.shape"), &[batch, sizes], axis);
            writer.node("ConstantOfShape", &own, &[shape], vec![]);
        }
        other => {
            let reason = format!("a {} layer has no form in ONNX here", other.kind());
            return Err(NnError::Export { layer: name.to_owned(), reason });
        }
    }
    if last {
        writer.node("Flatten", LOGITS, &[own], vec![Attribute::int("axis", 1)]);
    }
    Ok(())
}

/// Appends a layer's tensors, and returns their names.
fn weights(writer: &mut Writer<'_>, operation: &Operation<'_>) -> Vec<String> {
    operation.weights.iter().map(|w| writer.floats(&operation.path(w), &w.shape, &w.values)).collect()
}

/// A batch norm in ONNX's order: scale, shift, mean, variance. One that learned neither scale nor shift has ones and zeros.
fn batch_norm(writer: &mut Writer<'_>, operation: &Operation<'_>, input: &str, own: &str) {
    let channels = writer.inference.graph.node(operation.node).shape.channels;
    let mut inputs = vec![input.to_owned()];
    for (kind, otherwise) in [("weight", 1.0), ("bias", 0.0), ("running_mean", 0.0), ("running_var", 1.0)] {
        let same = vec![otherwise; channels];
        let values = operation.weight(kind).map_or(&same, |weight| &weight.values);
        inputs.push(writer.floats(&format!("{}.{kind}", operation.name), &[channels], values));
    }
    writer.node("BatchNormalization", own, &inputs, vec![Attribute::float("epsilon", EPSILON as f32)]);
}

fn pooling(
    writer: &mut Writer<'_>,
    operation: &Operation<'_>,
    pool: &Pool,
    input: &str,
    own: &str,
) -> Result<(), NnError> {
    let (input, pads) = cropped(writer, operation.name, input, &pool.window);
    let mut attributes = window(&pool.window, &pads);
    let dilated = pool.window.dilation != [1, 1];
    let operator = match pool.kind {
        PoolKind::Max => {
            attributes.push(Attribute::ints("dilations", &pool.window.dilation));
            "MaxPool"
        }
        PoolKind::Average if dilated => {
            let reason = "ONNX's average pooling has no dilation before opset 19".to_owned();
            return Err(NnError::Export { layer: operation.name.to_owned(), reason });
        }
        PoolKind::Average => {
            // The mean is over the pixels inside the image.
            attributes.push(Attribute::int("count_include_pad", 0));
            "AveragePool"
        }
    };
    writer.node(operator, own, &[input], attributes);
    Ok(())
}

/// What all operators with a window have.
fn window(window: &Window, pads: &[usize; 4]) -> Vec<Attribute> {
    vec![
        Attribute::ints("kernel_shape", &window.kernel),
        Attribute::ints("strides", &window.stride),
        Attribute::ints("pads", pads),
    ]
}

/// The padding of a window: above, left, below, right.
fn sides(window: &Window) -> [i64; 4] {
    [window.before[0], window.before[1], window.after[0], window.after[1]].map(|side| side as i64)
}

/// What a convolution reads, and its padding. Operators know no negative padding, which drops rows and columns: there the
/// padding is done before, zeros and drops in one.
fn padded(writer: &mut Writer<'_>, name: &str, input: &str, window: &Window) -> (String, [usize; 4]) {
    let sides = sides(window);
    if sides.iter().all(|side| *side >= 0) {
        return (input.to_owned(), sides.map(|side| side as usize));
    }
    (pad(writer, name, &format!("{name}.pad"), input, sides), [0; 4])
}

/// The same for a pooling, whose padding is no zeros: only the drops are done before.
fn cropped(writer: &mut Writer<'_>, name: &str, input: &str, window: &Window) -> (String, [usize; 4]) {
    let sides = sides(window);
    let pads = sides.map(|side| side.max(0) as usize);
    if sides.iter().all(|side| *side >= 0) {
        return (input.to_owned(), pads);
    }
    (pad(writer, name, &format!("{name}.crop"), input, sides.map(|side| side.min(0))), pads)
}

/// Zeros around a map, or less of it, above, left, below and right.
fn pad(writer: &mut Writer<'_>, name: &str, own: &str, input: &str, [top, left, bottom, right]: [i64; 4]) -> String {
    let pads = writer.ints(&format!("{name}.pads"), &[0, 0, top, left, 0, 0, bottom, right]);
    writer.node("Pad", own, &[input.to_owned(), pads], vec![])
}
