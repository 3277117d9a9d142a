//! Builds a network graph layer by layer, inferring and checking every shape on the way.

use petgraph::graph::{DiGraph, NodeIndex};

use crate::graph::{NetworkGraph, Node, Place, Shape};
use crate::{Conv2d, ImageShape, Layer, Pool, SpaceError};

/// Appends layers to a network graph. A node can only read nodes made before it, so the graph is acyclic and its
/// indices are a topological order.
///
/// ```
/// use nas_space::{GraphBuilder, ImageShape, Layer, Window};
/// let mut net = GraphBuilder::new(ImageShape { channels: 3, height: 8, width: 8 });
/// let image = net.input();
/// let x = net.conv("conv", image, 4, 1, Window::same(3, 2, 1))?;
/// let x = net.push("pool", Layer::GlobalAveragePool, &[x])?;
/// let logits = net.push("classifier", Layer::Linear { out: 10 }, &[x])?;
/// let graph = net.finish(logits, None);
/// assert_eq!(graph.parameters(), 4 * 3 * 9 + 4 * 10 + 10);
/// # Ok::<(), nas_space::SpaceError>(())
/// ```
pub struct GraphBuilder {
    graph: DiGraph<Node, usize>,
    place: Place,
    affine: bool,
    growing: bool,
}

impl GraphBuilder {
    /// A graph that holds the image only.
    pub fn new(image: ImageShape) -> Self {
        let mut graph = DiGraph::new();
        let shape = Shape { channels: image.channels, height: image.height, width: image.width };
        graph.add_node(Node { name: "input".into(), layer: Layer::Input, shape, place: Place::default() });
        Self { graph, place: Place::default(), affine: true, growing: false }
    }

    /// The image's node.
    pub fn input(&self) -> usize {
        0
    }

    /// The layers pushed from now on belong to this cell and operation.
    pub fn place(&mut self, cell: Option<usize>, operation: impl Into<String>) {
        self.place = Place { cell, operation: operation.into() };
    }

    /// Whether the batch norms of operations appended from now on learn a scale and a shift: they do, unless this says
    /// otherwise. In a supernet they would undo the weights of mixed edges (Liu et al. 2019, appendix A.1).
    pub fn affine(&mut self, affine: bool) {
        self.affine = affine;
    }

    /// Lets drop-path grow from cell to cell: see [`NetworkGraph::drop_path_share`].
    pub fn grow_drop_path(&mut self) {
        self.growing = true;
    }

    /// Appends a batch norm, affine or not as [`affine`](Self::affine) says.
    ///
    /// # Errors
    /// As [`push`](Self::push).
    pub fn batch_norm(&mut self, name: impl Into<String>, input: usize) -> Result<usize, SpaceError> {
        self.push(name, Layer::BatchNorm { affine: self.affine }, &[input])
    }

    /// The output shape of a node.
    ///
    /// # Panics
    /// If there is no such node.
    pub fn shape(&self, node: usize) -> Shape {
        self.graph[NodeIndex::new(node)].shape
    }

    /// Appends a layer that reads `inputs`, and returns its node.
    ///
    /// # Errors
    /// [`SpaceError::Shape`] if the shapes of the inputs do not fit the layer.
    ///
    /// # Panics
    /// If an input is no node of this graph.
    pub fn push(&mut self, name: impl Into<String>, layer: Layer, inputs: &[usize]) -> Result<usize, SpaceError> {
        let name = name.into();
        let shapes: Vec<Shape> = inputs.iter().map(|&i| self.shape(i)).collect();
        let shape = infer(&layer, &shapes).map_err(|reason| SpaceError::Shape { layer: name.clone(), reason })?;
        let node = self.graph.add_node(Node { name, layer, shape, place: self.place.clone() });
        for (position, &input) in inputs.iter().enumerate() {
            self.graph.add_edge(NodeIndex::new(input), node, position);
        }
        Ok(node.index())
    }

    /// Appends a convolution.
    ///
    /// # Errors
    /// As [`push`](Self::push).
    pub fn conv(
        &mut self,
        name: impl Into<String>,
        input: usize,
        out: usize,
        groups: usize,
        window: crate::Window,
    ) -> Result<usize, SpaceError> {
        self.push(name, Layer::Conv2d(Conv2d { out, groups, window }), &[input])
    }

    /// The finished graph, whose logits come from `output`.
    pub fn finish(self, output: usize, auxiliary: Option<usize>) -> NetworkGraph {
        let cells = self.graph.node_weights().filter_map(|node| node.place.cell).max().map(|last| last + 1);
        let (output, auxiliary) = (NodeIndex::new(output), auxiliary.map(NodeIndex::new));
        NetworkGraph { graph: self.graph, output, auxiliary, growing: cells.filter(|_| self.growing) }
    }
}

/// The output shape of a layer, or the reason why its inputs do not fit.
fn infer(layer: &Layer, inputs: &[Shape]) -> Result<Shape, String> {
    let arity_ok = match layer {
        Layer::Input => inputs.is_empty(),
        Layer::Add | Layer::Concat | Layer::WeightedSum { .. } => !inputs.is_empty(),
        _ => inputs.len() == 1,
    };
    if !arity_ok {
        return Err(format!("a {} layer cannot read {} inputs", layer.kind(), inputs.len()));
    }
    let window = |w: &crate::Window, s: Shape| {
        w.output([s.height, s.width]).ok_or_else(|| {
            format!(
                "a {}x{} window does not fit a {s} input; use larger images or fewer reductions",
                w.kernel[0], w.kernel[1]
            )
        })
    };
    match layer {
        Layer::WeightedSum { edges, .. } if *edges == 0 || !inputs.len().is_multiple_of(*edges) => {
            Err(format!("{} inputs cannot be shared out among {edges} edges", inputs.len()))
        }
        Layer::Input => Err("the input is made by the builder".into()),
        Layer::Conv2d(Conv2d { out, groups, window: w }) => {
            let s = inputs[0];
            if *groups == 0 || *out == 0 || !s.channels.is_multiple_of(*groups) || !out.is_multiple_of(*groups) {
                return Err(format!("{groups} groups do not divide {} input and {out} output channels", s.channels));
            }
            let [height, width] = window(w, s)?;
            Ok(Shape { channels: *out, height, width })
        }
        Layer::Pool(Pool { window: w, .. }) => {
            let [height, width] = window(w, inputs[0])?;
            Ok(Shape { height, width, ..inputs[0] })
        }
        Layer::BatchNorm { .. } | Layer::Relu | Layer::TrainingRelu | Layer::DropPath => Ok(inputs[0]),
        Layer::GlobalAveragePool => Ok(Shape { height: 1, width: 1, ..inputs[0] }),
        Layer::Narrow { channels } if *channels == 0 || *channels > inputs[0].channels => {
            Err(format!("cannot keep {channels} channels of {}; keep from 1 to all of them", inputs[0]))
        }
        Layer::Narrow { channels } => Ok(Shape { channels: *channels, ..inputs[0] }),
        Layer::Select { channels } => {
            let mut seen = vec![false; inputs[0].channels];
            let fits = |&channel: &usize| seen.get_mut(channel).is_some_and(|seen| !std::mem::replace(seen, true));
            match !channels.is_empty() && channels.iter().all(fits) {
                true => Ok(Shape { channels: channels.len(), ..inputs[0] }),
                false => Err(format!("cannot select the channels {channels:?} of {}; name each once", inputs[0])),
            }
        }
        Layer::Pad { before, after } => {
            let s = inputs[0];
            Ok(Shape { height: before[0] + s.height + after[0], width: before[1] + s.width + after[1], ..s })
        }
        Layer::Zero { stride: 0 } => Err("its stride is 0; the least is 1".into()),
        Layer::Zero { stride } => {
            let s = inputs[0];
            Ok(Shape { height: s.height.div_ceil(*stride), width: s.width.div_ceil(*stride), ..s })
        }
        Layer::Custom { output: [channels, height, width], .. } => {
            Ok(Shape { channels: *channels, height: *height, width: *width })
        }
        Layer::Linear { out } => Ok(Shape { channels: *out, height: 1, width: 1 }),
        Layer::Add | Layer::WeightedSum { .. } => match inputs.iter().find(|s| **s != inputs[0]) {
            None => Ok(inputs[0]),
            Some(other) => Err(format!("cannot add {} and {other}", inputs[0])),
        },
        Layer::Concat => {
            let (h, w) = (inputs[0].height, inputs[0].width);
            match inputs.iter().find(|s| (s.height, s.width) != (h, w)) {
                None => Ok(Shape { channels: inputs.iter().map(|s| s.channels).sum(), height: h, width: w }),
                Some(other) => Err(format!("cannot concatenate {} and {other}: rows and columns differ", inputs[0])),
            }
        }
    }
}
