//! What a hypernetwork has learned: arrays by name.
//!
//! The one idea: an array is made when the first architecture asks for it, from a random stream that hangs at its name.
//! So one hypernetwork serves any space, with an array for each kind of layer it has met, and which architecture came
//! first changes nothing.

use std::collections::BTreeMap;

use candle_core::{Device, Tensor, Var};
use nas_nn::Parameter;
use nas_nn::optim::{Optimizer, Rate};
use nas_space::Seed;
use rand::RngExt;

use crate::GhnError;

/// The number of an array.
pub(crate) type Id = usize;

/// All arrays.
pub(crate) struct Parameters {
    seed: Seed,
    by_name: BTreeMap<String, Id>,
    arrays: Vec<Array>,
}

/// One array, as the optimiser knows it and as a slice.
struct Array {
    parameter: Parameter,
    values: Vec<f64>,
}

/// The gradient of something with respect to the arrays, by number; `None` where it does not depend on one.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Gradients(pub(crate) Vec<Option<Vec<f64>>>);

impl Parameters {
    pub(crate) fn new(seed: Seed) -> Self {
        Self { seed, by_name: BTreeMap::new(), arrays: Vec::new() }
    }

    pub(crate) fn seed(&self) -> Seed {
        self.seed
    }

    /// The array of a name; if there is none yet, one of this shape, uniform within ±`bound`. Weight decay belongs on
    /// matrices.
    pub(crate) fn ensure(&mut self, name: &str, shape: &[usize], bound: f64) -> Result<Id, GhnError> {
        if let Some(&id) = self.by_name.get(name) {
            return Ok(id);
        }
        let mut rng = self.seed.child(name).rng();
        let count = shape.iter().product();
        let values: Vec<f64> = (0..count).map(|_| bound * (2.0 * rng.random::<f64>() - 1.0)).collect();
        self.insert(name, shape, values)
    }

    fn insert(&mut self, name: &str, shape: &[usize], values: Vec<f64>) -> Result<Id, GhnError> {
        let var = Var::from_tensor(&Tensor::from_slice(&values, shape, &Device::Cpu)?)?;
        let parameter = Parameter { name: name.to_owned(), var, decay: shape.len() > 1 };
        self.by_name.insert(name.to_owned(), self.arrays.len());
        self.arrays.push(Array { parameter, values });
        Ok(self.arrays.len() - 1)
    }

    pub(crate) fn of(&self, id: Id) -> &[f64] {
        &self.arrays[id].values
    }

    pub(crate) fn name(&self, id: Id) -> &str {
        &self.arrays[id].parameter.name
    }

    /// How many arrays there are.
    pub(crate) fn len(&self) -> usize {
        self.arrays.len()
    }

    /// How many numbers they hold.
    pub(crate) fn count(&self) -> usize {
        self.arrays.iter().map(|array| array.values.len()).sum()
    }

    /// Every array, by name.
    pub(crate) fn tensors(&self) -> Vec<(String, Tensor)> {
        let of = |(name, &id): (&String, &Id)| (name.clone(), self.arrays[id].parameter.var.as_detached_tensor());
        self.by_name.iter().map(of).collect()
    }

    /// What an optimiser steps.
    pub(crate) fn list(&self) -> Vec<Parameter> {
        self.by_name.values().map(|&id| self.arrays[id].parameter.clone()).collect()
    }

    /// Takes over arrays, making those that are not there yet.
    ///
    /// # Errors
    /// Names the array whose shape differs.
    pub(crate) fn load(&mut self, tensors: &[(String, Tensor)]) -> Result<(), GhnError> {
        for (name, tensor) in tensors {
            let values = tensor.flatten_all()?.to_vec1::<f64>()?;
            let Some(&id) = self.by_name.get(name) else {
                self.insert(name, tensor.dims(), values)?;
                continue;
            };
            let array = &mut self.arrays[id];
            if array.parameter.var.dims() != tensor.dims() {
                let (found, own) = (tensor.dims(), array.parameter.var.dims());
                let reason = format!("has shape {found:?}, the hypernetwork needs {own:?}");
                return Err(nas_nn::NnError::Tensor { path: name.clone(), reason }.into());
            }
            array.parameter.var.set(tensor)?;
            array.values = values;
        }
        Ok(())
    }

    /// Sets one number of an array, as a check of gradients does.
    pub(crate) fn set(&mut self, id: Id, index: usize, value: f64) -> Result<(), GhnError> {
        let array = &mut self.arrays[id];
        array.values[index] = value;
        let var = &array.parameter.var;
        Ok(var.set(&Tensor::from_slice(&array.values, var.dims(), &Device::Cpu)?)?)
    }

    /// One step of an optimiser on the arrays that have a gradient. The others, of layers that were not met, rest.
    pub(crate) fn step(
        &mut self,
        optimizer: &mut dyn Optimizer,
        gradients: &[Tensor],
        ids: &[Id],
        rate: Rate,
    ) -> Result<(), GhnError> {
        let parameters: Vec<Parameter> = ids.iter().map(|&id| self.arrays[id].parameter.clone()).collect();
        optimizer.step(&parameters, gradients, rate)?;
        for &id in ids {
            let array = &mut self.arrays[id];
            array.values = array.parameter.var.flatten_all()?.to_vec1()?;
        }
        Ok(())
    }

    /// Gradients as the optimiser takes them, in the order of names, and whose they are.
    pub(crate) fn as_tensors(&self, gradients: &Gradients) -> Result<(Vec<Tensor>, Vec<Id>), GhnError> {
        let (mut tensors, mut ids) = (Vec::new(), Vec::new());
        for &id in self.by_name.values() {
            let Some(Some(values)) = gradients.0.get(id) else { continue };
            tensors.push(Tensor::from_slice(values, self.arrays[id].parameter.var.dims(), &Device::Cpu)?);
            ids.push(id);
        }
        Ok((tensors, ids))
    }
}

impl Gradients {
    /// Nothing, for so many arrays.
    pub(crate) fn new(arrays: usize) -> Self {
        Self(vec![None; arrays])
    }

    /// The gradient of an array, zero where there is none yet.
    pub(crate) fn of(&mut self, id: Id, parameters: &Parameters) -> &mut [f64] {
        self.0[id].get_or_insert_with(|| vec![0.0; parameters.of(id).len()])
    }

    /// Two arrays' at once; they must differ.
    pub(crate) fn pair(&mut self, ids: [Id; 2], parameters: &Parameters) -> [&mut [f64]; 2] {
        for id in ids {
            self.of(id, parameters);
        }
        let [a, b] = self.0.get_disjoint_mut(ids).expect("a matrix and its bias are two arrays");
        [a, b].map(|gradient| gradient.as_deref_mut().expect("made above"))
    }

    /// The gradient of an array of [`Ghn::arrays`](crate::Ghn::arrays), where there is one.
    pub fn of_array(&self, array: usize) -> Option<&[f64]> {
        self.0.get(array)?.as_deref()
    }

    /// Adds others, times `factor`.
    pub(crate) fn add(&mut self, other: &Self, factor: f64) {
        if self.0.len() < other.0.len() {
            self.0.resize(other.0.len(), None);
        }
        for (own, other) in self.0.iter_mut().zip(&other.0) {
            let Some(other) = other else { continue };
            let own = own.get_or_insert_with(|| vec![0.0; other.len()]);
            own.iter_mut().zip(other).for_each(|(own, other)| *own += factor * other);
        }
    }
}
