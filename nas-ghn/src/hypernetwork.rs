//! The hypernetwork: all weights of a network from its graph, and the gradient of a loss back into what made them.

use std::collections::BTreeMap;

use candle_core::{DType, Device, Shape, Tensor, bail};
use candle_nn::var_builder::SimpleBackend;
use candle_nn::{Init, VarBuilder};
use nas_nn::Network;
use nas_nn::optim::{Optimizer, Rate};
use nas_space::{NetworkGraph, Seed};
use rand::RngExt;
use rayon::prelude::*;

use crate::decoder::{Decoded, Decoder};
use crate::parameters::{Gradients, Id, Parameters};
use crate::propagation::{Propagator, States};
use crate::sections::Sections;
use crate::slots::{self, Slot};
use crate::{GhnConfig, GhnError};

/// A graph hypernetwork, in f64 on the CPU.
pub struct Ghn {
    config: GhnConfig,
    parameters: Parameters,
    propagator: Propagator,
    decoder: Decoder,
}

/// A network's graph, made out for one hypernetwork.
#[derive(Clone, Debug)]
pub struct Plan {
    graph: NetworkGraph,
    sections: Sections,
    /// By node: the arrays of its layer and of its operation, and of a twin its number's.
    arrays: Vec<Vec<Id>>,
    slots: Vec<Slot>,
}

/// The weights of a network, and how they came about.
pub struct Generated {
    /// The values of each tensor, in the order of [`Network::parameters`].
    pub tensors: Vec<Vec<f64>>,
    states: States,
    decoded: Vec<Decoded>,
}

impl Ghn {
    /// A hypernetwork before it has learned anything.
    ///
    /// # Errors
    /// Names the setting that is impossible.
    pub fn new(config: GhnConfig, seed: Seed) -> Result<Self, GhnError> {
        config.validate()?;
        let mut parameters = Parameters::new(seed);
        let propagator = Propagator::ensure(&mut parameters, &config)?;
        let decoder = Decoder::ensure(&mut parameters, config.hidden, config.decoder)?;
        Ok(Self { config, parameters, propagator, decoder })
    }

    /// Makes a network's graph out, and what this hypernetwork lacks for it: kinds of layers that it meets for the
    /// first time begin with random numbers.
    ///
    /// # Errors
    /// If memory runs out.
    pub fn plan(&mut self, graph: NetworkGraph) -> Result<Plan, GhnError> {
        let sections = Sections::of(&graph, self.config.stacked, self.config.virtual_edges);
        let mut arrays = Vec::with_capacity(sections.vertices.len());
        for vertex in &sections.vertices {
            let mut ensure = |name: String| self.parameters.ensure(&name, &[self.config.hidden], 1.0);
            let layer = ensure(format!("embedding.layer {}", vertex.layer))?;
            let mut own = vec![layer, ensure(format!("embedding.operation {}", vertex.operation))?];
            if vertex.twins > 0 {
                own.push(ensure(format!("embedding.twin {}", vertex.twins))?);
            }
            arrays.push(own);
        }
        let slots = slots::of(&graph, &sections, &self.config, &mut self.parameters)?;
        Ok(Plan { graph, sections, arrays, slots })
    }

    /// The weights of a network.
    pub fn generate(&self, plan: &Plan) -> Generated {
        let states = self.propagator.forward(&self.parameters, &plan.sections, &plan.arrays);
        let (tensors, decoded) = self.decoder.forward(&self.parameters, &states, &plan.slots).into_iter().unzip();
        Generated { tensors, states, decoded }
    }

    /// The weights of several networks, of whatever shapes, on all threads. Each is what it would be alone.
    pub fn generate_all(&self, plans: &[Plan]) -> Vec<Generated> {
        plans.par_iter().map(|plan| self.generate(plan)).collect()
    }

    /// From the gradient of a loss with respect to each tensor, in the network's order and each flat in C order (see
    /// [`Plan::values`]), to that with respect to the arrays of the hypernetwork.
    pub fn pull_back(&self, plan: &Plan, generated: &Generated, tensors: &[Vec<f64>]) -> Gradients {
        let Generated { states, decoded, .. } = generated;
        let mut gradients = Gradients::new(self.parameters.len());
        let mut nodes = vec![0.0; plan.sections.vertices.len() * self.config.hidden];
        self.decoder.backward(&self.parameters, &mut gradients, states, &plan.slots, decoded, tensors, &mut nodes);
        self.propagator.backward(&self.parameters, &mut gradients, states, &nodes);
        gradients
    }

    /// The state of each node after all passes, `[nodes, hidden]`.
    pub fn states(&self, plan: &Plan) -> Vec<f64> {
        let states = self.propagator.forward(&self.parameters, &plan.sections, &plan.arrays);
        (0..plan.sections.vertices.len()).flat_map(|vertex| states.node(vertex).to_vec()).collect()
    }

    /// Its settings.
    pub fn config(&self) -> &GhnConfig {
        &self.config
    }

    /// The seed of what it begins with.
    pub fn seed(&self) -> Seed {
        self.parameters.seed()
    }

    /// How many numbers it has learned, or will.
    pub fn parameters(&self) -> usize {
        self.parameters.count()
    }

    /// Everything it has learned, by name.
    pub fn tensors(&self) -> Vec<(String, Tensor)> {
        self.parameters.tensors()
    }

    /// Takes over what [`tensors`](Self::tensors) of a hypernetwork of the same settings gave.
    ///
    /// # Errors
    /// Names the array whose shape differs.
    pub fn load(&mut self, tensors: &[(String, Tensor)]) -> Result<(), GhnError> {
        self.parameters.load(tensors)
    }

    /// The names of the arrays, and how many numbers each has, in the order of [`Gradients`].
    pub fn arrays(&self) -> Vec<(String, usize)> {
        (0..self.parameters.len())
            .map(|id| (self.parameters.name(id).to_owned(), self.parameters.of(id).len()))
            .collect()
    }

    /// One number of an array.
    pub fn get(&self, array: usize, index: usize) -> f64 {
        self.parameters.of(array)[index]
    }

    /// Sets one number of an array.
    ///
    /// # Errors
    /// If memory runs out.
    pub fn set(&mut self, array: usize, index: usize, value: f64) -> Result<(), GhnError> {
        self.parameters.set(array, index, value)
    }

    /// The arrays that have a gradient, as tensors in the order of names, and their numbers.
    pub(crate) fn as_tensors(&self, gradients: &Gradients) -> Result<(Vec<Tensor>, Vec<Id>), GhnError> {
        self.parameters.as_tensors(gradients)
    }

    /// One step of an optimiser.
    pub(crate) fn step(
        &mut self,
        optimizer: &mut dyn Optimizer,
        gradients: &[Tensor],
        ids: &[Id],
        rate: Rate,
    ) -> Result<(), GhnError> {
        self.parameters.step(optimizer, gradients, ids, rate)
    }

    /// What an optimiser's state is about.
    pub(crate) fn list(&self) -> Vec<nas_nn::Parameter> {
        self.parameters.list()
    }
}

impl Plan {
    /// The network's graph.
    pub fn graph(&self) -> &NetworkGraph {
        &self.graph
    }

    /// The network with generated weights, in f32 or f64. Its batch norms have no running statistics worth the name:
    /// run it with those of the batch.
    ///
    /// # Errors
    /// If the graph has layers whose parameters nobody knows.
    pub fn network(&self, generated: &Generated, dtype: DType) -> Result<Network, GhnError> {
        let mut tensors = BTreeMap::new();
        for (slot, values) in self.slots.iter().zip(&generated.tensors) {
            let tensor = Tensor::from_slice(values, &slot.shape[..], &Device::Cpu)?.to_dtype(dtype)?;
            tensors.insert(slot.name.clone(), tensor);
        }
        let builder = VarBuilder::from_backend(Box::new(Weights { tensors }), dtype, Device::Cpu);
        Ok(Network::new(self.graph.clone(), builder)?)
    }

    /// The values for [`begin`](Self::begin), by name.
    fn beginning(&self, generated: &Generated, seed: Seed) -> Vec<(String, Vec<f64>)> {
        const APART: f64 = 0.1;
        let one = |(slot, values): (&Slot, &Vec<f64>)| {
            let size = (values.iter().map(|x| x * x).sum::<f64>() / values.len().max(1) as f64).sqrt();
            let mut rng = seed.child(&slot.name).rng();
            let mut seen = vec![false; slot.base_len()];
            let apart =
                slot.copies().zip(values).map(|(base, &value)| match std::mem::replace(&mut seen[base], true) {
                    true => value + APART * size * (2.0 * rng.random::<f64>() - 1.0),
                    false => value,
                });
            (slot.name.clone(), apart.collect())
        };
        self.slots.iter().zip(&generated.tensors).map(one).collect()
    }

    /// Gradients of a network's parameters, in its order, as [`Ghn::pull_back`] takes them: flat, in f64.
    ///
    /// # Errors
    /// If they are not those of this network.
    pub fn values(&self, gradients: &[Tensor]) -> Result<Vec<Vec<f64>>, GhnError> {
        let flat = |tensor: &Tensor| tensor.to_dtype(DType::F64)?.flatten_all()?.to_vec1::<f64>();
        Ok(gradients.iter().map(flat).collect::<Result<_, _>>()?)
    }

    /// The node of a layer, by its number in the graph; of a rectifier, which is none, that which it reads.
    pub fn node_of(&self, layer: usize) -> usize {
        self.sections.of_layer[layer]
    }

    /// Sets a network of this graph to generated weights, as the beginning of a training. Where a tensor is larger than
    /// the kernel made for it, the copies are moved apart, uniformly within a tenth of the tensor's root mean square:
    /// channels that are equal would stay so.
    ///
    /// # Errors
    /// If the network is of another graph.
    pub fn begin(&self, network: &mut Network, generated: &Generated, seed: Seed) -> Result<(), GhnError> {
        for (slot, (name, values)) in self.slots.iter().zip(self.beginning(generated, seed)) {
            network.set(&name, &Tensor::from_slice(&values, &slot.shape[..], &Device::Cpu)?)?;
        }
        Ok(())
    }

    /// Names and shapes of the tensors that are generated, in order.
    pub fn tensors(&self) -> impl Iterator<Item = (&str, &[usize])> {
        self.slots.iter().map(|slot| (slot.name.as_str(), &slot.shape[..]))
    }
}

/// Generated weights as a network asks for them; running statistics, which are not generated, begin as always.
struct Weights {
    tensors: BTreeMap<String, Tensor>,
}

impl SimpleBackend for Weights {
    fn get(&self, shape: Shape, name: &str, hint: Init, dtype: DType, device: &Device) -> candle_core::Result<Tensor> {
        match (self.tensors.get(name), hint) {
            (Some(tensor), _) => Ok(tensor.clone()),
            (None, Init::Const(value)) if name.contains(".running_") => {
                Tensor::full(value, shape, device)?.to_dtype(dtype)
            }
            _ => bail!("nothing generates `{name}`: layers that are brought from outside have no generated weights"),
        }
    }

    fn get_unchecked(&self, name: &str, _: DType, _: &Device) -> candle_core::Result<Tensor> {
        bail!("`{name}` is asked for without its shape")
    }

    fn contains_tensor(&self, name: &str) -> bool {
        self.tensors.contains_key(name)
    }
}
