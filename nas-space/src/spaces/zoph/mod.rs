//! The space of Zoph & Le (2017): a convolutional network layer by layer, with skip connections between any two of them.

mod drawing;
mod isomorphism;
mod lower;

use crate::spaces::rows::{self, Rows};
use crate::spaces::{family, sizes};
use crate::{Architecture, Chooses, Decision, Drawing, NetworkConfig, NetworkGraph, SearchSpace, SpaceError};

/// Heights and widths of filters.
const SIZES: [usize; 4] = [1, 3, 5, 7];
/// Strides, where they are chosen.
const STRIDES: [usize; 3] = [1, 2, 3];
/// Numbers of filters at the paper's width.
const FILTERS: [usize; 4] = [24, 36, 48, 64];
/// Layers unless told otherwise: the depths of the paper's networks without strides, and with them (table 1).
pub(super) const LAYERS: usize = 15;
pub(super) const STRIDED_LAYERS: usize = 20;

pub(super) const NAME: &str = "zoph";
pub(super) const STRIDED_NAME: &str = "zoph-strided";

/// The space of Zoph & Le (2017, sections 3.3 and 4.1): for each layer the height and the width of its filters (1, 3, 5 or
/// 7), for the strided variant the stride in each direction (1, 2 or 3), the number of filters (24, 36, 48 or 64), and
/// for each earlier layer whether a skip connection leads from it, which the paper's controller decides at its anchor
/// points.
///
/// The text form has a row a layer: `zoph-3: 3x5x24 | 7x1x36 1 | 5x5x48 0 1` is height x width x filters, then a 0 or 1 for
/// each earlier layer; in the strided variant `3x5x24/2x1` adds the strides of rows and columns.
///
/// ```
/// use nas_space::{NetworkConfig, SearchSpace, spaces::Zoph};
/// let space = Zoph::new(3);
/// let architecture = space.parse("zoph-3: 3x5x24 | 7x1x36 1 | 5x5x48 0 1")?;
/// let graph = space.lower(&architecture, &NetworkConfig::cifar(24, 3))?;
/// // Only the last layer is read by no other, so the classifier reads it alone.
/// assert_eq!(graph.parameters(), 3*15*24 + 2*24 + 24*7*36 + 2*36 + 36*25*48 + 2*48 + 48*10 + 10);
/// # Ok::<(), nas_space::SpaceError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Zoph {
    name: String,
    layers: usize,
    strided: bool,
    decisions: Vec<Decision>,
}

/// One layer as it was chosen.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Chosen {
    /// Height and width.
    kernel: [usize; 2],
    /// In both directions.
    stride: [usize; 2],
    /// At the paper's width.
    filters: usize,
    /// The layers that it reads; none if it reads the image.
    inputs: Vec<usize>,
}

impl Zoph {
    /// Networks of so many layers, all of stride 1.
    ///
    /// # Panics
    /// If there are no layers.
    pub fn new(layers: usize) -> Self {
        Self::of(family::name(NAME, LAYERS, layers), layers, false)
    }

    /// Networks of so many layers that choose their strides.
    ///
    /// # Panics
    /// If there are no layers.
    pub fn strided(layers: usize) -> Self {
        Self::of(family::name(STRIDED_NAME, STRIDED_LAYERS, layers), layers, true)
    }

    fn of(name: String, layers: usize, strided: bool) -> Self {
        assert!(layers > 0, "a network has at least one layer");
        let mut decisions = Vec::new();
        for layer in 0..layers {
            let mut value = |what: &str, options: &[usize]| {
                let options = options.iter().map(usize::to_string).collect();
                let (name, group) = (format!("layer{layer}.{what}"), format!("layer{layer}"));
                decisions.push(Decision { name, group, chooses: Chooses::Value, options });
            };
            value("height", &SIZES);
            value("width", &SIZES);
            if strided {
                value("stride_rows", &STRIDES);
                value("stride_columns", &STRIDES);
            }
            value("filters", &FILTERS);
            decisions.extend(rows::skips(layer, (0..layer).map(|from| from.to_string())));
        }
        Self { name, layers, strided, decisions }
    }

    /// Values of a layer, without its skip connections.
    fn values(&self) -> usize {
        if self.strided { 5 } else { 3 }
    }

    /// The choices of each layer: its values and its skip connections.
    fn rows<'a>(&self, choices: &'a [usize]) -> Vec<(&'a [usize], &'a [usize])> {
        let (values, mut rest) = (self.values(), choices);
        let row = |layer: usize| {
            let (row, later) = rest.split_at(values + layer);
            rest = later;
            row.split_at(values)
        };
        (0..self.layers).map(row).collect()
    }

    /// The layers of valid choices.
    fn chosen(&self, choices: &[usize]) -> Vec<Chosen> {
        let layer = |(values, skips): (&[usize], &[usize])| Chosen {
            kernel: [SIZES[values[0]], SIZES[values[1]]],
            stride: if self.strided { [STRIDES[values[2]], STRIDES[values[3]]] } else { [1; 2] },
            filters: FILTERS[values[values.len() - 1]],
            inputs: (0..skips.len()).filter(|&from| skips[from] == 1).collect(),
        };
        self.rows(choices).into_iter().map(layer).collect()
    }

    fn possible(&self) -> String {
        let strides = if self.strided { ", strides 1, 2, 3" } else { "" };
        format!("heights and widths are 1, 3, 5, 7, filters 24, 36, 48, 64{strides}")
    }
}

impl SearchSpace for Zoph {
    fn name(&self) -> &str {
        &self.name
    }

    fn summary(&self) -> &str {
        if self.strided {
            "layer by layer: height, width, strides and number of filters, and skip connections; zoph-strided-N has N layers \
             (Zoph & Le 2017)"
        } else {
            "layer by layer: height, width and number of filters, and skip connections; zoph-N has N layers, zoph-6-20 from 6 to \
             20 (Zoph & Le 2017)"
        }
    }

    fn decisions(&self) -> &[Decision] {
        &self.decisions
    }

    /// Each layer is a convolution, a batch norm and a ReLU. By the paper's rules (section 3.3), a layer that reads several
    /// others reads them one behind another along the channels; one that reads none reads the image; and the classifier
    /// reads all layers that no other reads. Where sizes differ, the smaller are padded with zeros, which we put around
    /// them evenly. The paper leaves open how the classifier reads maps: here by global average pooling.
    ///
    /// `channels` is the smallest number of filters: at 24 the numbers are the paper's, otherwise in proportion, rounded
    /// up. `layers` must be the space's. With [`Stem::Imagenet`](crate::Stem::Imagenet), the three strided convolutions
    /// of DARTS stand between the image and its readers.
    fn lower(&self, architecture: &Architecture, config: &NetworkConfig) -> Result<NetworkGraph, SpaceError> {
        self.check(architecture)?;
        sizes::check_depth(&self.name, self.layers, config)?;
        sizes::check_no_auxiliary("Zoph & Le", config)?;
        lower::network(&self.chosen(&architecture.choices), config)
    }

    /// The paper's numbers of filters.
    fn default_config(&self) -> NetworkConfig {
        NetworkConfig::cifar(FILTERS[0], self.layers)
    }

    fn nearest_layers(&self, _: usize) -> usize {
        self.layers
    }

    /// The network written down in an order of its layers that does not depend on the order they were given in, as far as
    /// that is cheap to find: equal keys always mean equal networks, and few networks have two keys.
    fn canonical(&self, architecture: &Architecture) -> String {
        match self.check(architecture) {
            Ok(()) => format!("{}:{}", self.name, isomorphism::key(&self.chosen(&architecture.choices))),
            Err(_) => format!("{}:{:?}", self.name, architecture.choices),
        }
    }

    fn text(&self, architecture: &Architecture) -> String {
        if self.check(architecture).is_err() {
            return format!("{:?}", architecture.choices);
        }
        let chosen = self.chosen(&architecture.choices);
        let text = |layer: &Chosen| {
            let ([height, width], [rows, columns]) = (layer.kernel, layer.stride);
            let strides = if self.strided { format!("/{rows}x{columns}") } else { String::new() };
            format!("{height}x{width}x{}{strides}", layer.filters)
        };
        let skips = self.rows(&architecture.choices).into_iter().map(|(_, skips)| skips);
        rows::print(&self.name, chosen.iter().map(text).zip(skips))
    }

    /// The space's name in front of the colon may be left out.
    fn parse(&self, text: &str) -> Result<Architecture, SpaceError> {
        let rows = Rows::new(text, self.layers, "a network of Zoph & Le")?;
        let form = if self.strided { "height x width x filters / strides, as in 3x5x24/2x1" } else { "3x5x24" };
        let choices = rows.choices(|rows, word| {
            let fault = || rows.fault(word, format!("expected {form}; {}", self.possible()));
            let (filter, strides) = match (self.strided, word.split_once('/')) {
                (true, Some((filter, strides))) => (filter, strides),
                (false, None) => (word, ""),
                _ => return Err(fault()),
            };
            let parts: Vec<&str> = filter.split('x').chain(strides.split('x').filter(|s| !s.is_empty())).collect();
            let mut lists = vec![&SIZES[..], &SIZES, &FILTERS];
            if self.strided {
                lists.extend([&STRIDES[..], &STRIDES]);
            }
            if parts.len() != lists.len() {
                return Err(fault());
            }
            let position = |(part, list): (&str, &[usize])| list.iter().position(|value| value.to_string() == part);
            let mut values: Vec<usize> =
                parts.into_iter().zip(lists).map(position).collect::<Option<_>>().ok_or_else(fault)?;
            // Decisions have the filters last.
            values[2..].rotate_left(1);
            Ok(values)
        })?;
        Ok(Architecture { space: self.name.clone(), choices })
    }

    fn describe(&self, architecture: &Architecture) -> Vec<String> {
        if self.check(architecture).is_err() {
            return Vec::new();
        }
        let line = |(layer, chosen): (usize, &Chosen)| {
            let ([height, width], [rows, columns]) = (chosen.kernel, chosen.stride);
            let strides = if self.strided { format!(", stride {rows}x{columns}") } else { String::new() };
            let names: Vec<String> = chosen.inputs.iter().map(|from| format!("layer {from}")).collect();
            let input = if names.is_empty() { "image".to_owned() } else { names.join(", ") };
            format!("layer {layer} = {height}x{width} convolution, {} filters{strides} ({input})", chosen.filters)
        };
        self.chosen(&architecture.choices).iter().enumerate().map(line).collect()
    }

    fn drawing(&self, architecture: &Architecture) -> Result<Drawing, SpaceError> {
        self.check(architecture)?;
        Ok(drawing::of(&self.chosen(&architecture.choices), self.text(architecture)))
    }

    /// `None` from 12 layers on, 10 in the strided variant, where the number has more than 128 bits.
    fn size(&self) -> Option<u128> {
        let values = self.decisions[..self.values()].iter().map(|d| d.options.len() as u128).product::<u128>();
        let layers = self.layers as u32;
        values.checked_pow(layers)?.checked_mul(2_u128.checked_pow(layers * (layers - 1) / 2)?)
    }

    fn size_log10(&self) -> Option<f64> {
        Some(self.decisions.iter().map(|d| (d.options.len() as f64).log10()).sum())
    }
}
