//! Shared weights: the tensors of all architectures of a space, lent to one network after another.
//!
//! A path through a supernet is a network like any other, whose tensors happen to be somebody else's. So a sampled path
//! runs on the same plans and kernels as a network trained on its own: what was not chosen is not there, costs nothing and
//! gets no gradient.

use std::collections::BTreeMap;
use std::path::Path;

use candle_core::{DType, Device, Shape, Tensor};
use candle_nn::var_builder::SimpleBackend;
use candle_nn::{Init, VarBuilder};
use nas_nn::checkpoint;
use nas_nn::pool::Keep;
use nas_nn::{Network, NnError, Parameter};
use nas_space::{NetworkConfig, NetworkGraph, PathSpace, Seed};

use crate::OneShotError;

/// The file format of shared weights on their own, and its newest version.
const FORMAT: &str = "nas-shared-weights";
const VERSION: u32 = 1;

/// Every tensor that paths of a space have, by name: learned ones and the running statistics of batch norms.
pub struct SharedWeights {
    parameters: Vec<Parameter>,
    /// All of them; those of `parameters` are the same variables.
    tensors: BTreeMap<String, Tensor>,
    dtype: DType,
    /// Paths come and go many times a second and need buffers of the same sizes.
    _buffers: Keep,
}

impl SharedWeights {
    /// Fresh weights on the CPU: each tensor's numbers depend on the seed and its name.
    ///
    /// # Errors
    /// If the networks cannot be built.
    pub fn init(space: &dyn PathSpace, config: &NetworkConfig, seed: Seed, dtype: DType) -> Result<Self, OneShotError> {
        let (mut parameters, mut tensors) = (Vec::new(), BTreeMap::new());
        for graph in space.shared(config)? {
            let network = Network::init(graph, seed, dtype, &Device::Cpu)?;
            for parameter in network.parameters() {
                // A tensor that an earlier network has, too, was made of the same numbers.
                tensors.entry(parameter.name.clone()).or_insert_with(|| {
                    parameters.push(parameter.clone());
                    parameter.var.as_tensor().clone()
                });
            }
            for (name, buffer) in network.buffers() {
                tensors.entry(name.clone()).or_insert_with(|| buffer.clone());
            }
        }
        Ok(Self { parameters, tensors, dtype, _buffers: Keep::new() })
    }

    /// The weights of a network, lent: they stay its own, and move with it.
    pub(crate) fn of(network: &Network) -> Self {
        let parameters = network.parameters().to_vec();
        let dtype = parameters.first().map_or(DType::F32, |parameter| parameter.var.dtype());
        let learned = parameters.iter().map(|parameter| (parameter.name.clone(), parameter.var.as_tensor().clone()));
        let tensors = learned.chain(network.buffers().iter().cloned()).collect();
        Self { parameters, tensors, dtype, _buffers: Keep::new() }
    }

    /// The network of a graph on these weights: a step on its parameters moves them for all.
    ///
    /// # Errors
    /// If the graph has a tensor that is not among them.
    pub fn network(&self, graph: NetworkGraph) -> Result<Network, OneShotError> {
        let tensors = VarBuilder::from_backend(Box::new(Lender(&self.tensors)), self.dtype, Device::Cpu);
        Ok(Network::new(graph, tensors)?)
    }

    /// Takes over the running statistics of a network's batch norms after a training step.
    pub fn remember(&mut self, network: &Network) {
        for (name, buffer) in network.buffers() {
            if let Some(own) = self.tensors.get_mut(name) {
                own.clone_from(buffer);
            }
        }
    }

    /// The learned tensors.
    pub fn parameters(&self) -> &[Parameter] {
        &self.parameters
    }

    /// The number type of the weights.
    pub fn dtype(&self) -> DType {
        self.dtype
    }

    /// Copies of all tensors, sorted by name.
    pub(crate) fn tensors(&self) -> Result<Vec<(String, Tensor)>, OneShotError> {
        self.tensors.iter().map(|(name, tensor)| Ok((name.clone(), tensor.copy()?.detach()))).collect()
    }

    /// Replaces all tensors, all or none; `path` is the file that an error names.
    pub(crate) fn fill(&mut self, path: &Path, tensors: &[(String, Tensor)]) -> Result<(), OneShotError> {
        let mut found: BTreeMap<&str, &Tensor> = tensors.iter().map(|(name, tensor)| (name.as_str(), tensor)).collect();
        let mut values = Vec::with_capacity(found.len());
        let fault = |reason: String| NnError::File { path: path.to_owned(), reason };
        for (name, own) in &self.tensors {
            let value = found.remove(name.as_str()).filter(|value| value.dims() == own.dims());
            let missing = || fault(format!("`{name}` is missing or of another size; it is of another supernet"));
            values.push((name.clone(), value.ok_or_else(missing)?.to_dtype(own.dtype())?));
        }
        if let Some(name) = found.keys().next() {
            return Err(fault(format!("`{name}` has no place in this supernet; it is of another one")).into());
        }
        for (name, value) in values {
            match self.parameters.iter().find(|parameter| parameter.name == name) {
                Some(parameter) => parameter.var.set(&value)?,
                None => drop(self.tensors.insert(name, value)),
            }
        }
        Ok(())
    }

    /// Writes the weights as a safetensors file, as one indivisible step.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn save(&self, path: &Path) -> Result<(), OneShotError> {
        Ok(checkpoint::write(path, FORMAT, VERSION, &self.tensors()?, &BTreeMap::new())?)
    }

    /// Takes over the weights of a file.
    ///
    /// # Errors
    /// If the file cannot be read, is of another kind or newer, cut short or damaged, or belongs to another supernet.
    pub fn load(&mut self, path: &Path) -> Result<(), OneShotError> {
        let file = checkpoint::read(path, FORMAT, VERSION)?;
        self.fill(path, &file.tensors)
    }
}

/// Lends tensors by name.
struct Lender<'a>(&'a BTreeMap<String, Tensor>);

impl SimpleBackend for Lender<'_> {
    fn get(&self, shape: Shape, name: &str, _: Init, _: DType, _: &Device) -> candle_core::Result<Tensor> {
        let tensor =
            self.get_unchecked(name, self.0.values().next().map_or(DType::F32, Tensor::dtype), &Device::Cpu)?;
        if tensor.shape() != &shape {
            candle_core::bail!("the shared weight `{name}` is {:?}, a path needs {shape:?}", tensor.dims());
        }
        Ok(tensor)
    }

    fn get_unchecked(&self, name: &str, _: DType, _: &Device) -> candle_core::Result<Tensor> {
        match self.0.get(name) {
            Some(tensor) => Ok(tensor.clone()),
            None => candle_core::bail!("no weight `{name}` is shared: the path is of another supernet"),
        }
    }

    fn contains_tensor(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }
}
