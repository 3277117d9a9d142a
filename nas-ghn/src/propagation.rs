//! Messages through a graph: from what a node is to what it is in this network.
//!
//! The one idea: a state is never overwritten. An update appends a new state that names the one before and those it
//! heard, so the list is its own record, and the reverse pass is a walk over it from behind.

use crate::GhnError;
use crate::config::{GhnConfig, Propagation};
use crate::dense::{Linear, relu, relu_back};
use crate::gru::Gru;
use crate::parameters::{Gradients, Id, Parameters};
use crate::sections::{Heard, Section, Sections};

/// The layers of the graph network.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Propagator {
    hidden: usize,
    passes: usize,
    order: Propagation,
    direct: Messenger,
    /// What sends along virtual edges.
    distant: Option<Messenger>,
    update: Gru,
}

/// The perceptron that makes a message of a state.
#[derive(Clone, Copy, Debug)]
struct Messenger {
    first: Linear,
    second: Linear,
}

impl Messenger {
    fn ensure(p: &mut Parameters, name: &str, config: &GhnConfig) -> Result<Self, GhnError> {
        let first = Linear::ensure(p, &format!("{name}.0"), config.hidden, config.message)?;
        let second = Linear::ensure(p, &format!("{name}.1"), config.message, config.hidden)?;
        Ok(Self { first, second })
    }
}

/// How a state came about.
#[derive(Clone, Debug)]
enum Made {
    /// From arrays that say what the node is, and the mean of the states of a section.
    Begun { arrays: Vec<Id>, mean_of: Vec<usize> },
    /// From a state and the messages of others: whose, over a virtual edge or not, times what. `record` numbers the
    /// update.
    Updated { from: usize, heard: Vec<(usize, bool, f64)>, record: usize },
}

/// What one messenger said, by state; worked out when it is first heard.
#[derive(Clone, Debug, Default)]
struct Said {
    units: Vec<Option<Vec<f64>>>,
    messages: Vec<Vec<f64>>,
}

/// All states of a propagation, in the order in which they were made.
#[derive(Clone, Debug)]
pub(crate) struct States {
    hidden: usize,
    values: Vec<f64>,
    made: Vec<Made>,
    direct: Said,
    distant: Said,
    /// By update: the sum of messages, and what the unit keeps.
    incoming: Vec<f64>,
    kept: Vec<f64>,
    /// The last state of each node.
    last: Vec<usize>,
}

impl States {
    fn of(&self, state: usize) -> &[f64] {
        &self.values[state * self.hidden..][..self.hidden]
    }

    /// The last state of a node.
    pub(crate) fn node(&self, vertex: usize) -> &[f64] {
        self.of(self.last[vertex])
    }

    fn push(&mut self, made: Made, value: &[f64]) -> usize {
        self.values.extend_from_slice(value);
        self.made.push(made);
        for said in [&mut self.direct, &mut self.distant] {
            said.units.push(None);
            said.messages.push(Vec::new());
        }
        self.made.len() - 1
    }
}

impl Propagator {
    pub(crate) fn ensure(p: &mut Parameters, config: &GhnConfig) -> Result<Self, GhnError> {
        let distant = match config.virtual_edges {
            0 | 1 => None,
            _ => Some(Messenger::ensure(p, "virtual", config)?),
        };
        Ok(Self {
            hidden: config.hidden,
            passes: config.passes,
            order: config.propagation,
            direct: Messenger::ensure(p, "message", config)?,
            distant,
            update: Gru::ensure(p, config.hidden)?,
        })
    }

    /// Runs all passes over all sections. `arrays` say of each node what it is.
    pub(crate) fn forward(self, p: &Parameters, graph: &Sections, arrays: &[Vec<Id>]) -> States {
        let mut states = States {
            hidden: self.hidden,
            values: Vec::new(),
            made: Vec::new(),
            direct: Said::default(),
            distant: Said::default(),
            incoming: Vec::new(),
            kept: Vec::new(),
            last: vec![0; graph.vertices.len()],
        };
        for section in &graph.sections {
            for vertex in section.begin..section.end {
                let mean_of = match graph.vertices[vertex].reads {
                    Some(other) => (graph.sections[other].begin..graph.sections[other].end)
                        .map(|vertex| states.last[vertex])
                        .collect(),
                    None => Vec::new(),
                };
                states.last[vertex] = self.begin(p, &mut states, arrays[vertex].clone(), mean_of);
            }
            for _ in 0..self.passes {
                self.pass(p, graph, section, &mut states);
            }
        }
        states
    }

    fn begin(self, p: &Parameters, states: &mut States, arrays: Vec<Id>, mean_of: Vec<usize>) -> usize {
        let mut value = vec![0.0; self.hidden];
        for &id in &arrays {
            value.iter_mut().zip(p.of(id)).for_each(|(value, part)| *value += part);
        }
        let share = 1.0 / mean_of.len().max(1) as f64;
        for &state in &mean_of {
            value.iter_mut().zip(states.of(state)).for_each(|(value, part)| *value += share * part);
        }
        states.push(Made::Begun { arrays, mean_of }, &value)
    }

    fn pass(self, p: &Parameters, graph: &Sections, section: &Section, states: &mut States) {
        let Section { begin, end } = *section;
        match self.order {
            Propagation::ForwardBackward => {
                for vertex in begin..end {
                    states.last[vertex] = self.update(p, states, vertex, &[&graph.before[vertex]]);
                }
                // The last node is where the way turns: it is visited once, as all together are 2n - 1 times.
                for vertex in (begin..end.saturating_sub(1)).rev() {
                    states.last[vertex] = self.update(p, states, vertex, &[&graph.after[vertex]]);
                }
            }
            Propagation::Synchronous => {
                let new: Vec<usize> = (begin..end)
                    .map(|vertex| self.update(p, states, vertex, &[&graph.before[vertex], &graph.after[vertex]]))
                    .collect();
                states.last[begin..end].copy_from_slice(&new);
            }
        }
    }

    /// A new state of a node that hears the others as they are now.
    fn update(self, p: &Parameters, states: &mut States, vertex: usize, hears: &[&Vec<Heard>]) -> usize {
        let from = states.last[vertex];
        let mut sum = vec![0.0; self.hidden];
        let mut heard = Vec::new();
        for &Heard { from, distance } in hears.iter().copied().flatten() {
            let (state, far) = (states.last[from], distance > 1);
            let share = 1.0 / distance as f64;
            let message = self.message(p, states, state, far);
            sum.iter_mut().zip(message).for_each(|(sum, part)| *sum += share * part);
            heard.push((state, far, share));
        }
        let (mut new, mut kept) = (vec![0.0; self.hidden], vec![0.0; self.update.kept()]);
        self.update.forward(p, &sum, states.of(from), &mut kept, &mut new);
        let record = states.incoming.len() / self.hidden;
        states.incoming.extend_from_slice(&sum);
        states.kept.extend_from_slice(&kept);
        states.push(Made::Updated { from, heard, record }, &new)
    }

    fn messenger(self, far: bool) -> Messenger {
        match (far, self.distant) {
            (true, Some(distant)) => distant,
            _ => self.direct,
        }
    }

    fn message<'a>(self, p: &Parameters, states: &'a mut States, state: usize, far: bool) -> &'a [f64] {
        let Messenger { first, second } = self.messenger(far);
        let said = if far { &mut states.distant } else { &mut states.direct };
        if said.units[state].is_none() {
            let mut units = vec![0.0; first.outputs];
            first.forward(p, &states.values[state * self.hidden..][..self.hidden], &mut units);
            relu(&mut units);
            let mut message = vec![0.0; self.hidden];
            second.forward(p, &units, &mut message);
            (said.units[state], said.messages[state]) = (Some(units), message);
        }
        &said.messages[state]
    }

    /// From the gradient of each node's last state, `[nodes, hidden]`, to those of all arrays, which are added to.
    pub(crate) fn backward(self, p: &Parameters, g: &mut Gradients, states: &States, nodes: &[f64]) {
        let d = self.hidden;
        let count = states.made.len();
        let mut into = vec![0.0; count * d];
        let mut into_messages = [false, true].map(|_| vec![Vec::new(); count]);
        for (&state, gradient) in states.last.iter().zip(nodes.chunks(d)) {
            add(&mut into[state * d..][..d], gradient, 1.0);
        }
        for state in (0..count).rev() {
            // Whoever used this state was made later, so its gradient is complete but for its own messages.
            for (far, said) in [(false, &states.direct), (true, &states.distant)] {
                let gradient = std::mem::take(&mut into_messages[usize::from(far)][state]);
                let Some(units) = said.units[state].as_ref().filter(|_| !gradient.is_empty()) else { continue };
                let Messenger { first, second } = self.messenger(far);
                let mut hidden = vec![0.0; units.len()];
                second.backward(p, g, units, &gradient, &mut hidden);
                relu_back(units, &mut hidden);
                first.backward(p, g, states.of(state), &hidden, &mut into[state * d..][..d]);
            }
            let gradient = into[state * d..][..d].to_vec();
            match &states.made[state] {
                Made::Begun { arrays, mean_of } => {
                    for &id in arrays {
                        add(g.of(id, p), &gradient, 1.0);
                    }
                    let share = 1.0 / mean_of.len().max(1) as f64;
                    for &other in mean_of {
                        add(&mut into[other * d..][..d], &gradient, share);
                    }
                }
                Made::Updated { from, heard, record } => {
                    let mut message = vec![0.0; d];
                    let incoming = &states.incoming[record * d..][..d];
                    let kept = &states.kept[record * self.update.kept()..][..self.update.kept()];
                    let into_from = &mut into[from * d..][..d];
                    self.update.backward(p, g, incoming, states.of(*from), kept, &gradient, &mut message, into_from);
                    for &(other, far, share) in heard {
                        let sum = &mut into_messages[usize::from(far)][other];
                        if sum.is_empty() {
                            sum.resize(d, 0.0);
                        }
                        add(sum, &message, share);
                    }
                }
            }
        }
    }
}

fn add(sum: &mut [f64], part: &[f64], factor: f64) {
    sum.iter_mut().zip(part).for_each(|(sum, part)| *sum += factor * part);
}
