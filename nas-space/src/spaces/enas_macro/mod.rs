//! The macro space of ENAS (Pham et al. 2018, section 2.3): an operation for each layer, and skip connections between any
//! two of them.

mod drawing;
mod lower;
mod paths;

use crate::spaces::rows::{self, Rows};
use crate::spaces::{family, sizes};
use crate::{Architecture, Chooses, Decision, Drawing, NetworkConfig, NetworkGraph, SearchSpace, SpaceError};

/// The operation of a layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Operation {
    Convolution { kernel: usize, separable: bool },
    AveragePool,
    MaxPool,
}

/// In the order of the released code: the position is the number in its architectures.
const OPERATIONS: [(&str, Operation); 6] = [
    ("conv_3x3", Operation::Convolution { kernel: 3, separable: false }),
    ("sep_conv_3x3", Operation::Convolution { kernel: 3, separable: true }),
    ("conv_5x5", Operation::Convolution { kernel: 5, separable: false }),
    ("sep_conv_5x5", Operation::Convolution { kernel: 5, separable: true }),
    ("avg_pool_3x3", Operation::AveragePool),
    ("max_pool_3x3", Operation::MaxPool),
];

/// Layers of the networks that the paper searches.
pub(super) const LAYERS: usize = 12;

/// Which network is built of the same choices. Paper and released code differ, and the code's search from its training of
/// what was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EnasMacroForm {
    /// The network of the search, `enas-macro`: behind a 1x1 convolution, each operation as its name says; the skip
    /// connections chosen are added to its output, and a batch norm follows. The number of filters stays the same.
    Search,
    /// What is trained once it is found, `enas-macro-retrained`: the skip connections are joined with the operation's
    /// output along the channels, as the paper says, and a 1x1 convolution brings them back to the number of filters,
    /// which doubles with each reduction. Each operation is what its name says.
    Retrained,
    /// The same as the released code builds it, `enas-macro-released`: its separable convolutions are dense ones, and a
    /// pool does nothing. (There the code stops with an error; the published network has no pool.)
    Released,
}

impl EnasMacroForm {
    /// The name of the space of 12 layers.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Search => "enas-macro",
            Self::Retrained => "enas-macro-retrained",
            Self::Released => "enas-macro-released",
        }
    }
}

/// The macro space of ENAS: for each layer one of six operations, and for each earlier state but the last, which the layer
/// reads anyway, whether a skip connection leads from it. State 0 is the stem, state 1 layer 0, and so on.
///
/// That is the wiring of the released code. In its controller a layer chooses among the layers before it; its networks
/// then read the choice one state further back, so that the stem takes the place of the first.
///
/// The paper's network of 24 layers and 96 filters, published as `ENAS-macro`, is said to have 38.0 million parameters. The
/// released form of its choices has 42,559,392, the retrained one 30,947,424.
///
/// The text form has a row a layer: the operation's number in the released code, then a 0 or 1 for each state.
///
/// ```
/// use nas_space::{SearchSpace, spaces::{EnasMacro, EnasMacroForm}};
/// let space = EnasMacro::new(3, EnasMacroForm::Search);
/// let architecture = space.parse("enas-macro-3: 0 | 3 0 | 5 1 0")?;
/// assert_eq!(space.describe(&architecture)[2], "layer 2 = max_pool_3x3(layer 1) with stem");
/// # Ok::<(), nas_space::SpaceError>(())
/// ```
#[derive(Clone, Debug)]
pub struct EnasMacro {
    name: String,
    layers: usize,
    form: EnasMacroForm,
    decisions: Vec<Decision>,
}

/// One layer as it was chosen.
struct Chosen {
    name: &'static str,
    operation: Operation,
    /// The states that skip connections lead from.
    skips: Vec<usize>,
}

impl EnasMacro {
    /// Networks of so many layers, built in a form.
    ///
    /// # Panics
    /// If there are no layers.
    pub fn new(layers: usize, form: EnasMacroForm) -> Self {
        assert!(layers > 0, "a network has at least one layer");
        let mut decisions = Vec::new();
        for layer in 0..layers {
            decisions.push(Decision {
                name: format!("layer{layer}.op"),
                group: format!("layer{layer}"),
                chooses: Chooses::Operation,
                options: OPERATIONS.iter().map(|(name, _)| (*name).to_owned()).collect(),
            });
            decisions.extend(rows::skips(layer, (0..layer).map(|state| state_name(state).replace("layer ", ""))));
        }
        Self { name: family::name(form.name(), LAYERS, layers), layers, form, decisions }
    }

    /// The space of so many layers that has this name, if one has.
    pub(super) fn named(name: &str, layers: usize) -> Option<Self> {
        let forms = [EnasMacroForm::Search, EnasMacroForm::Retrained, EnasMacroForm::Released];
        let form = forms.into_iter().find(|form| family::name(form.name(), LAYERS, layers) == name);
        form.filter(|_| layers > 0).map(|form| Self::new(layers, form))
    }

    /// The layers of valid choices.
    fn chosen(&self, choices: &[usize]) -> Vec<Chosen> {
        let mut rest = choices;
        let layer = |layer: usize| {
            let (row, later) = rest.split_at(1 + layer);
            rest = later;
            let (name, operation) = OPERATIONS[row[0]];
            Chosen { name, operation, skips: (0..layer).filter(|&state| row[1 + state] == 1).collect() }
        };
        (0..self.layers).map(layer).collect()
    }
}

/// What a state is called.
fn state_name(state: usize) -> String {
    if state == 0 { "stem".into() } else { format!("layer {}", state - 1) }
}

impl SearchSpace for EnasMacro {
    fn name(&self) -> &str {
        &self.name
    }

    fn summary(&self) -> &str {
        match self.form {
            EnasMacroForm::Search => {
                "12 layers, each one of 6 operations, and skip connections; enas-macro-N has N layers (Pham et al. 2018)"
            }
            EnasMacroForm::Retrained => "the same choices as enas-macro, built as what was found is trained (paper)",
            EnasMacroForm::Released => {
                "the same choices as enas-macro, built as what was found is trained (released code)"
            }
        }
    }

    fn decisions(&self) -> &[Decision] {
        &self.decisions
    }

    /// A 3x3 convolution, the layers, global average pooling and a classifier without bias. After a third and two thirds of
    /// the layers, every state that a later layer reads is halved by a factorized reduction of its own. What stands
    /// between is told by [`EnasMacroForm`]. Batch norms have our epsilon, 1e-5, where the released code has 1e-3.
    ///
    /// `layers` must be the space's. With [`Stem::Imagenet`](crate::Stem::Imagenet), which the paper has not, the three
    /// strided convolutions of DARTS take the stem's place.
    fn lower(&self, architecture: &Architecture, config: &NetworkConfig) -> Result<NetworkGraph, SpaceError> {
        self.check(architecture)?;
        sizes::check_depth(&self.name, self.layers, config)?;
        sizes::check_no_auxiliary("ENAS macro", config)?;
        lower::network(&self.chosen(&architecture.choices), self.form, config)
    }

    /// The sizes of the released scripts: 36 filters in the search, 96 in the final training.
    fn default_config(&self) -> NetworkConfig {
        NetworkConfig::cifar(if self.form == EnasMacroForm::Search { 36 } else { 96 }, self.layers)
    }

    fn nearest_layers(&self, _: usize) -> usize {
        self.layers
    }

    /// In the released form, operations that build the same layers are one.
    fn canonical(&self, architecture: &Architecture) -> String {
        let operation = |decision: &Decision, choice: usize| match (self.form, decision.chooses, choice) {
            (EnasMacroForm::Released, Chooses::Operation, 1) => 0,
            (EnasMacroForm::Released, Chooses::Operation, 3) => 2,
            (EnasMacroForm::Released, Chooses::Operation, 5) => 4,
            _ => choice,
        };
        let choices = self.decisions.iter().zip(&architecture.choices);
        let digits: String = choices.map(|(decision, &choice)| operation(decision, choice).to_string()).collect();
        format!("{}:{digits}", architecture.space)
    }

    fn text(&self, architecture: &Architecture) -> String {
        if self.check(architecture).is_err() {
            return format!("{:?}", architecture.choices);
        }
        let mut rest = &architecture.choices[..];
        let row = |layer: usize| {
            let (row, later) = rest.split_at(1 + layer);
            rest = later;
            (row[0].to_string(), &row[1..])
        };
        rows::print(&self.name, (0..self.layers).map(row))
    }

    /// The space's name in front of the colon may be left out.
    fn parse(&self, text: &str) -> Result<Architecture, SpaceError> {
        let rows = Rows::new(text, self.layers, "a macro network of ENAS")?;
        let choices = rows.choices(|rows, word| {
            let number = word.parse().ok().filter(|&number| number < OPERATIONS.len());
            let known =
                || OPERATIONS.iter().enumerate().map(|(i, (name, _))| format!("{i} {name}")).collect::<Vec<_>>();
            let operation: usize =
                number.ok_or_else(|| rows.fault(word, format!("expected an operation: {}", known().join(", "))))?;
            Ok(vec![operation])
        })?;
        Ok(Architecture { space: self.name.clone(), choices })
    }

    fn describe(&self, architecture: &Architecture) -> Vec<String> {
        if self.check(architecture).is_err() {
            return Vec::new();
        }
        let line = |(layer, chosen): (usize, &Chosen)| {
            let skips: Vec<String> = chosen.skips.iter().map(|&state| state_name(state)).collect();
            let with = if skips.is_empty() { String::new() } else { format!(" with {}", skips.join(", ")) };
            format!("layer {layer} = {}({}){with}", chosen.name, state_name(layer))
        };
        self.chosen(&architecture.choices).iter().enumerate().map(line).collect()
    }

    fn drawing(&self, architecture: &Architecture) -> Result<Drawing, SpaceError> {
        self.check(architecture)?;
        Ok(drawing::of(&self.chosen(&architecture.choices), self.text(architecture)))
    }

    /// 6^L · 2^(L(L-1)/2), as the paper counts them; `None` from 15 layers on, where it has more than 128 bits.
    fn size(&self) -> Option<u128> {
        let layers = self.layers as u32;
        (OPERATIONS.len() as u128).checked_pow(layers)?.checked_mul(2_u128.checked_pow(layers * (layers - 1) / 2)?)
    }

    fn size_log10(&self) -> Option<f64> {
        Some(self.decisions.iter().map(|d| (d.options.len() as f64).log10()).sum())
    }
}
