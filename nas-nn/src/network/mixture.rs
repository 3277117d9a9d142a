//! The weights of mixed edges: tables that come from outside, from a softmax over architecture parameters, say, and whose
//! gradients go back there.

use candle_core::{DType, Tensor};
use nas_space::{Layer, NetworkGraph};

use super::Network;
use super::backward::{Results, moved};
use super::forward::{Run, aligned};
use super::norm::Norm;
use super::value::{Gradient, Pending, Value, slices};
use crate::NnError;
use crate::element::{Element, Stored};
use crate::kernels::elementwise;
use crate::kernels::lanes::Lanes;
use crate::kernels::mixture::{Pooled, Term, weighted_sum};
use crate::kernels::norm::{GradientSums, Source, gradient_sums};
use crate::kernels::read::{Affine, Operand};
use crate::pool::{Buffer, fresh, slices_mut};

/// One table of weights: a row for each edge, a column for each operation.
#[derive(Clone, Debug)]
pub(crate) struct Mixture {
    pub(super) weights: Vec<f64>,
    /// Operations.
    pub(super) width: usize,
}

impl Mixture {
    /// The weights of some rows, one after another.
    pub(super) fn rows(&self, first: usize, count: usize) -> &[f64] {
        &self.weights[first * self.width..(first + count) * self.width]
    }
}

/// The tables a graph asks for, with equal weights.
pub(super) fn tables(graph: &NetworkGraph) -> Vec<Mixture> {
    let mut sizes: Vec<(usize, usize)> = Vec::new();
    for (index, node) in graph.nodes() {
        if let Layer::WeightedSum { table, row, edges } = node.layer {
            let width = graph.inputs(index).len() / edges;
            sizes.resize(sizes.len().max(table + 1), (0, 1));
            sizes[table] = (sizes[table].0.max(row + edges), sizes[table].1.max(width));
        }
    }
    let equal = |(rows, width): (usize, usize)| Mixture { weights: vec![1.0 / width as f64; rows * width], width };
    sizes.into_iter().map(equal).collect()
}

/// The weighted sum of a node's inputs. An operation that yields zeros costs nothing.
pub(super) fn forward<S: Stored>(
    network: &Network,
    run: &Run<S>,
    index: usize,
    (table, row, edges): (usize, usize, usize),
) -> Vec<Buffer<S>> {
    let plan = &network.plan;
    let step = &plan.steps[index];
    let counts = |(input, _): &(usize, f64)| !matches!(plan.steps[*input].layer, Layer::Zero { .. });
    let weights = network.mixtures[table].rows(row, edges).iter().copied();
    let (inputs, weights): (Vec<usize>, Vec<f64>) = step.inputs.iter().copied().zip(weights).filter(counts).unzip();
    // A pooling that is not kept has its own reader's channels where they are.
    let values: Vec<Value<S>> = inputs.iter().map(|&input| aligned(network, run, index, input)).collect();
    let mut terms: Vec<Term<'_, S>> = Vec::with_capacity(inputs.len());
    for (&input, value) in inputs.iter().zip(&values) {
        let Some(pool) = plan.spared(input) else {
            terms.push(Term { x: value.operand(), pooled: None });
            continue;
        };
        let pooling = run.poolings[pool].as_ref().expect("poolings leave what they need");
        let affine = value.affine.as_ref().expect("a batch norm is an affine map");
        terms.push(Term { x: run.value(plan.steps[pool].target).operand(), pooled: Some(Pooled { pooling, affine }) });
    }
    let weights: Vec<S::Real> = weights.into_iter().map(S::Real::of).collect();
    let mut y = fresh(step.blocks, run.batch * step.pixels());
    weighted_sum(&terms, &weights, step.pixels(), slices_mut(&mut y));
    y
}

/// What the weight's gradient of an operation is made of.
enum Slope<'a, S: Stored> {
    /// The output of a batch norm that the sum alone reads, its channels where the sum's own are.
    Norm(&'a Norm<S>),
    /// A value that is an affine map of what is kept: its maps.
    Affine(Vec<Affine<S::Real>>),
    /// Anything else.
    Other,
}

/// The gradients of a mixed edge's weights, and each operation's share of the gradient. A batch norm that it alone reads
/// gets the gradient as it is, with the factor, and the sums that both need.
pub(super) fn backward<S: Stored>(
    network: &Network,
    run: &Run<S>,
    index: usize,
    (table, row, edges): (usize, usize, usize),
    gradient: &Gradient<S>,
    pending: &mut Pending<S>,
    results: &mut Results,
) -> Result<(), NnError> {
    let plan = &network.plan;
    let step = &plan.steps[index];
    let width = network.mixtures[table].width;
    let weights = network.mixtures[table].rows(row, edges);
    let dy = slices(&gradient.blocks);
    let slope = |&input: &usize| {
        let from = &plan.steps[input];
        match &run.norms[input] {
            _ if matches!(from.layer, Layer::Zero { .. }) => Slope::Other,
            Some(norm) if from.readers == 1 && from.slots == step.slots => Slope::Norm(norm),
            _ if from.slots == step.slots && !run.value(input).relu => {
                let value = run.value(input);
                let plain = || vec![Affine::identity(); value.blocks.len()];
                Slope::Affine(value.affine.as_ref().map_or_else(plain, |affine| affine.to_vec()))
            }
            _ => Slope::Other,
        }
    };
    let slopes: Vec<Slope<'_, S>> = step.inputs.iter().map(slope).collect();
    let mut sums = sums(network, run, index, &slopes, &dy).into_iter();
    for (operation, (&input, slope)) in step.inputs.iter().zip(&slopes).enumerate() {
        let from = &plan.steps[input];
        if matches!(from.layer, Layer::Zero { .. }) {
            continue;
        }
        let factor = weights[operation];
        let found = &mut results.mixtures[table][row * width + operation];
        match slope {
            Slope::Norm(norm) => {
                let sums = sums.next().expect("there are sums for each norm");
                *found += norm.dot(&sums);
                pending.send(input, Gradient { factor, sums: Some(sums), ..Gradient::plain(gradient.blocks.clone()) });
                continue;
            }
            Slope::Affine(maps) => *found += dot(maps, &sums.next().expect("there are sums for each map")),
            Slope::Other => {}
        }
        let moved = moved(network, gradient, index, input);
        if let Slope::Other = slope {
            *found += elementwise::dot(&run.value(input).operand(), &slices(&moved.blocks));
        }
        if from.learns {
            pending.add(input, &moved.blocks, factor);
        }
    }
    Ok(())
}

/// The sums over the gradient for all operations that need some: the gradient is read once for all of them.
fn sums<S: Stored>(
    network: &Network,
    run: &Run<S>,
    index: usize,
    slopes: &[Slope<'_, S>],
    dy: &[&[Lanes<S>]],
) -> Vec<Vec<GradientSums>> {
    let plan = &network.plan;
    let step = &plan.steps[index];
    let centers = |slope: &Slope<'_, S>| match slope {
        Slope::Affine(maps) => maps.iter().map(|map| map.center.wide()).collect(),
        _ => Vec::new(),
    };
    let centers: Vec<Vec<Lanes<f64>>> = slopes.iter().map(centers).collect();
    let mut sources = Vec::with_capacity(slopes.len());
    for ((&input, slope), centers) in step.inputs.iter().zip(slopes).zip(&centers) {
        match (slope, plan.spared(input)) {
            (Slope::Norm(norm), Some(pool)) => {
                let x = run.value(plan.steps[pool].target).operand();
                let pooling = run.poolings[pool].as_deref();
                sources.push(Source { x, pooling, means: &norm.mean });
            }
            (Slope::Norm(norm), None) => sources.push(norm.source()),
            (Slope::Affine(_), _) => {
                let x = Operand::plain(slices(&run.value(input).blocks));
                sources.push(Source { x, pooling: None, means: centers });
            }
            (Slope::Other, _) => {}
        }
    }
    gradient_sums(dy, &sources, run.batch, step.pixels())
}

/// Σ dy · map(x) over everything, from the sums around the maps' centers.
fn dot<T: Element>(maps: &[Affine<T>], sums: &[GradientSums]) -> f64 {
    let block = |(map, sums): (&Affine<T>, &GradientSums)| -> f64 {
        (sums.weighted * map.scale.wide() + sums.plain * map.shift.wide()).0.iter().sum()
    };
    maps.iter().zip(sums).map(block).sum()
}

impl Network {
    /// The tables of mixed edges' weights, `[edges, operations]` in f64: what a
    /// [`WeightedSum`](nas_space::Layer::WeightedSum) layer names by table and row. Equal weights at first.
    ///
    /// # Errors
    /// If memory runs out.
    pub fn mixtures(&self) -> Result<Vec<Tensor>, NnError> {
        let tensor = |m: &Mixture| {
            Tensor::from_slice(&m.weights, (m.weights.len() / m.width, m.width), &candle_core::Device::Cpu)
        };
        Ok(self.mixtures.iter().map(tensor).collect::<Result<_, _>>()?)
    }

    /// Replaces a table of mixed edges' weights.
    ///
    /// # Errors
    /// If there is no such table, or it has another shape.
    pub fn set_mixture(&mut self, table: usize, weights: &Tensor) -> Result<(), NnError> {
        let path = format!("mixtures.{table}");
        let Some(mixture) = self.mixtures.get_mut(table) else {
            return Err(NnError::Tensor { path, reason: "is not a table of this network".into() });
        };
        let expected = [mixture.weights.len() / mixture.width, mixture.width];
        if weights.dims() != expected {
            let reason = format!("has shape {:?}, the network needs {expected:?}", weights.dims());
            return Err(NnError::Tensor { path, reason });
        }
        mixture.weights = weights.to_dtype(DType::F64)?.flatten_all()?.to_vec1()?;
        Ok(())
    }
}
