//! The same network with some of its layers changed.

use nas_space::{GraphBuilder, ImageShape, Layer, NetworkGraph, Node, SpaceError};

use crate::NnError;

/// What becomes of a layer that stands in the graph.
pub(super) enum Change {
    /// It stays.
    Keep,
    /// It goes: who read it reads its input.
    Drop,
    /// Another takes its place, under its name.
    Replace(Layer),
    /// It stays, and a custom layer of this name looks at what it yields, which has to pass it unchanged.
    Watch(&'static str),
}

/// Builds a graph anew, layer by layer, as `change` says of each; only what the output depends on. `before` is the name of
/// a custom layer that the image passes first, under the node `image`.
pub(super) fn rewrite(
    graph: &NetworkGraph,
    before: Option<&'static str>,
    change: impl Fn(usize, &Node) -> Change,
) -> Result<NetworkGraph, SpaceError> {
    let shape = graph.input_shape();
    let dims = [shape.channels, shape.height, shape.width];
    let mut built = GraphBuilder::new(ImageShape { channels: dims[0], height: dims[1], width: dims[2] });
    let used = graph.reachable(graph.output());
    let mut place_of = vec![0; graph.len()];
    if let Some(name) = before {
        place_of[0] = built.push("image", Layer::Custom { name: name.into(), output: dims }, &[0])?;
    }
    for (index, node) in graph.nodes().skip(1).filter(|(index, _)| used[*index]) {
        let inputs: Vec<usize> = graph.inputs(index).into_iter().map(|input| place_of[input]).collect();
        place_of[index] = match change(index, node) {
            Change::Keep => built.push(&node.name, node.layer.clone(), &inputs)?,
            Change::Drop => inputs[0],
            Change::Replace(layer) => built.push(&node.name, layer, &inputs)?,
            Change::Watch(name) => {
                let watched = built.push(&node.name, node.layer.clone(), &inputs)?;
                let output = [node.shape.channels, node.shape.height, node.shape.width];
                let watch = Layer::Custom { name: name.into(), output };
                built.push(format!("{}.{name}", node.name), watch, &[watched])?
            }
        };
    }
    Ok(built.finish(place_of[graph.output()], None))
}

/// The graph without what the output does not depend on, such as an auxiliary head.
pub(super) fn pruned(graph: &NetworkGraph) -> Result<NetworkGraph, SpaceError> {
    rewrite(graph, None, |_, _| Change::Keep)
}

/// The name of the linear layer that yields the logits.
pub(super) fn head(graph: &NetworkGraph) -> Result<&str, NnError> {
    let node = graph.node(graph.output());
    match node.layer {
        Layer::Linear { .. } => Ok(&node.name),
        _ => Err(NnError::Proxy { reason: "its logits do not come from a linear layer" }),
    }
}
