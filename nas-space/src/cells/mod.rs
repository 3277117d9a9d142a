//! Cells of pairwise blocks and the networks that the papers of NASNet, AmoebaNet and ENAS build from them: the same two
//! cells as a [`Genotype`], another network around them.

mod block;
pub(crate) mod canonical;
mod enas;
mod google;

use crate::genotype::parse;
use crate::{Genotype, ImageShape, NetworkConfig, NetworkGraph, Operation, SpaceError};

/// Which network is built around the cells. They differ in stem, in where reductions lie, in how a cell prepares its
/// inputs, in what an identity is at stride 2, and in the auxiliary classifier.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Form {
    /// `NASNet`: the released network of NASNet-A for CIFAR-10 and, with the ImageNet stem, "mobile" (Zoph et al. 2018,
    /// appendix A; `slim/nets/nasnet`).
    NasNet,
    /// `NASNetLarge`: as released for "large". The stem has 96 channels instead of 32, and the cell behind a reduction
    /// reads, as its second input, the cell before the one that was reduced.
    NasNetLarge,
    /// `AmoebaNet`: as released for AmoebaNet (Real et al. 2019; `tpu/models/official/amoeba_net`). It is the network of
    /// NASNet, with a narrower auxiliary classifier on large images.
    AmoebaNet,
    /// `ENAS`: the network that retrains a fixed cell of the micro space (Pham et al. 2018, section 2.4;
    /// `melodyguan/enas`).
    Enas,
}

impl Form {
    /// Every form.
    pub const ALL: [Self; 4] = [Self::NasNet, Self::NasNetLarge, Self::AmoebaNet, Self::Enas];

    /// The word that the text form begins with.
    pub fn word(self) -> &'static str {
        match self {
            Self::NasNet => "NASNet",
            Self::NasNetLarge => "NASNetLarge",
            Self::AmoebaNet => "AmoebaNet",
            Self::Enas => "ENAS",
        }
    }

    /// The network of the paper's own results: that for CIFAR-10 where there is one.
    pub fn default_config(self) -> NetworkConfig {
        match self {
            Self::NasNet => NetworkConfig::cifar(32, 20),
            Self::NasNetLarge => {
                let input = ImageShape { channels: 3, height: 331, width: 331 };
                NetworkConfig { input, ..NetworkConfig::imagenet(168, 20) }
            }
            Self::AmoebaNet => NetworkConfig::cifar(36, 20),
            Self::Enas => NetworkConfig::cifar(36, 17),
        }
    }
}

/// Two cells and the form of their network.
///
/// The text form is that of a [`Genotype`] with the word of the [`Form`] in front, and one optional list a cell, of the
/// nodes that concatenate their two sides along the channels instead of adding them. `skip_connect` is the identity.
///
/// ```
/// use nas_space::{Cells, NetworkConfig};
/// let text = "NASNet(normal=[('sep_conv_3x3', 1), ('skip_connect', 0), ('max_pool_3x3', 2), ('conv_1x1', 1)], \
///             normal_concat=[3], normal_joined=[0], reduce=[('sep_conv_5x5', 0), ('avg_pool_3x3', 1)], \
///             reduce_concat=[2])";
/// let cells = Cells::parse(text)?;
/// assert_eq!(cells.to_string(), text);
/// let graph = cells.lower(&NetworkConfig::cifar(16, 5))?;
/// assert_eq!(graph.node(graph.output()).shape.channels, 10);
/// # Ok::<(), nas_space::SpaceError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Cells {
    /// The network around the cells.
    pub form: Form,
    /// Edges and outputs of the two cells. Here both outputs may list the cell's inputs, states 0 and 1, too: where they
    /// are too large or have other channels, they are brought to the nodes' shape.
    pub genotype: Genotype,
    /// Nodes of the normal cell, counted from 0, that concatenate their sides; in rising order.
    pub normal_joined: Vec<usize>,
    /// Such nodes of the reduction cell.
    pub reduce_joined: Vec<usize>,
}

/// One of the two cells.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Half<'a> {
    pub(crate) edges: &'a [(Operation, usize)],
    pub(crate) concat: &'a [usize],
    pub(crate) joined: &'a [usize],
    /// Whether it halves rows and columns.
    pub(crate) reduction: bool,
}

impl Cells {
    /// Reads the text form. The result has passed [`check`](Self::check).
    ///
    /// # Errors
    /// As [`Genotype::parse`].
    pub fn parse(text: &str) -> Result<Self, SpaceError> {
        let words = Form::ALL.map(Form::word);
        let parts = parse::text(text, &words, parse::CELLS)?;
        let form = Form::ALL[parts.word];
        let [normal_joined, reduce_joined] = parts.joined.map(|mut nodes| {
            nodes.sort_unstable();
            nodes
        });
        let cells = Self { form, genotype: parts.genotype, normal_joined, reduce_joined };
        cells.check()?;
        Ok(cells)
    }

    /// Whether a text is meant as the text form of cells: whether it begins with the word of a form.
    pub fn is_text(text: &str) -> bool {
        let end = text.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(text.len());
        text[end..].trim_start().starts_with('(') && Form::ALL.iter().any(|form| form.word() == &text[..end])
    }

    /// Checks that both cells can be built.
    ///
    /// # Errors
    /// [`SpaceError::Genotype`] names the cell and the node at fault.
    pub fn check(&self) -> Result<(), SpaceError> {
        for (cell, half) in [("normal", self.half(false)), ("reduce", self.half(true))] {
            crate::genotype::check_cell(cell, half.edges, half.concat)?;
            let fault = |reason: String| Err(SpaceError::Genotype { cell, reason });
            if let Some((k, _)) = half.edges.iter().enumerate().find(|(_, (op, _))| *op == Operation::None) {
                return fault(format!(
                    "edge {k} is `none`, which is no operation of the form {}; its identity is `skip_connect`",
                    self.form.word()
                ));
            }
            let repeated = |(at, state): (usize, &usize)| half.concat[..at].contains(state);
            if let Some(at) = half.concat.iter().enumerate().position(repeated) {
                return fault(format!("its output lists state {} twice; list each state once", half.concat[at]));
            }
            let nodes = half.edges.len() / 2;
            if let Some(node) = half.joined.iter().find(|node| **node >= nodes) {
                return fault(format!("it joins the sides of node {node}; its nodes are 0 to {}", nodes - 1));
            }
            if !half.joined.is_sorted_by(|a, b| a < b) {
                return fault(format!("its joined nodes are {:?}; list each once, in rising order", half.joined));
            }
        }
        Ok(())
    }

    /// Builds the network: stem, `config.layers` cells of which two are reductions, ReLU, global average pooling and a
    /// classifier. With the ImageNet stem of NASNet and AmoebaNet, two more reduction cells stand in the stem and are not
    /// counted.
    ///
    /// Padding is TensorFlow's, in which the networks were released. Drop-path grows from cell to cell, but in AmoebaNet.
    /// Dropout before the classifier belongs to the training and is not in the graph.
    ///
    /// # Errors
    /// If [`check`](Self::check) or [`NetworkConfig::check`] fails, or there are too few layers or channels.
    pub fn lower(&self, config: &NetworkConfig) -> Result<NetworkGraph, SpaceError> {
        self.check()?;
        config.check()?;
        match self.form {
            Form::NasNet | Form::NasNetLarge | Form::AmoebaNet => google::network(self, config),
            Form::Enas => enas::network(self, config),
        }
    }

    pub(crate) fn half(&self, reduction: bool) -> Half<'_> {
        let Genotype { normal, normal_concat, reduce, reduce_concat } = &self.genotype;
        match reduction {
            false => Half { edges: normal, concat: normal_concat, joined: &self.normal_joined, reduction },
            true => Half { edges: reduce, concat: reduce_concat, joined: &self.reduce_joined, reduction },
        }
    }
}

impl std::fmt::Display for Cells {
    /// Writes the text form that [`Cells::parse`] reads.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}(", self.form.word())?;
        for (name, half, end) in [("normal", self.half(false), ", "), ("reduce", self.half(true), ")")] {
            let edges: Vec<String> = half.edges.iter().map(|(op, state)| format!("('{op}', {state})")).collect();
            write!(f, "{name}=[{}], {name}_concat={:?}", edges.join(", "), half.concat)?;
            if !half.joined.is_empty() {
                write!(f, ", {name}_joined={:?}", half.joined)?;
            }
            f.write_str(end)?;
        }
        Ok(())
    }
}

impl std::str::FromStr for Cells {
    type Err = SpaceError;

    fn from_str(text: &str) -> Result<Self, SpaceError> {
        Self::parse(text)
    }
}
