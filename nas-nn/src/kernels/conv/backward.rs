//! The gradients of a convolution, for the weights and the input at once: both read the incoming gradient and the
//! laid-out input while they are in cache.

use std::ops::Range;

use super::super::depthwise;
use super::super::elementwise::put;
use super::super::laid::Laid;
use super::super::norm::GradientSums;
use super::super::plane::{Frame, Geometry};
use super::super::product::{Gathered, Target, outer, product};
use super::super::read::{Incoming, Operand};
use super::super::siblings::Op;
use super::plan::Plan;
use super::{Lanes, Problem, Shared, Stages, Weights, carve, first_stages, scalars, weights};
use crate::element::{Element, Stored};
use crate::pool;

/// The gradients of the weights, as candle holds them; empty where not asked for or without that stage.
pub(crate) struct Gradients<T> {
    pub(crate) depthwise: Vec<T>,
    pub(crate) dense: Vec<T>,
    /// For each block of the input the parts of its batch norm's sums, where they were wanted.
    pub(crate) sums: Vec<Vec<GradientSums>>,
}

impl<T> Gradients<T> {
    /// Those of an op without weights.
    pub(crate) const NONE: Self = Self { depthwise: Vec::new(), dense: Vec::new(), sums: Vec::new() };

    /// That of a single convolution's weight.
    pub(crate) fn single(self) -> Vec<T> {
        if self.dense.is_empty() { self.depthwise } else { self.dense }
    }
}

/// The gradients of one convolution, with what is worked out once for all samples.
pub(crate) struct Backward<'a, S: Stored> {
    problem: Problem<'a>,
    x: Operand<'a, S>,
    dy: Incoming<'a, S>,
    plan: Plan<S::Real>,
    /// The windows of a depthwise stage in the planes that it shares with others.
    shared: Option<Geometry>,
    /// Numbers of weights, of the depthwise and of the dense stage.
    sizes: [usize; 2],
    /// Whether the weights' gradients are wanted.
    weights: bool,
    /// Whether the input's gradient is the one before the operand's ReLU rather than behind it.
    gate: bool,
    /// Whether the batch norm in front wants its sums over the input's gradient, which is nobody else's then.
    sums: bool,
}

impl<S: Stored> Op<S> for Backward<'_, S> {
    fn together(&self) -> usize {
        self.plan.together
    }

    fn sample_work(&self) -> usize {
        self.problem.sample_work()
    }

    fn scratch(&self) -> usize {
        self.buffers().iter().sum()
    }

    /// It is read to learn the weights.
    fn depthwise(&self) -> Option<(&Operand<'_, S>, &Geometry)> {
        (self.weights && self.problem.has_depthwise()).then_some((&self.x, &self.problem.geometry))
    }

    fn share(&mut self, frame: Frame) {
        self.shared = Some(self.problem.geometry.within(frame));
    }
}

impl<'a, S: Stored> Backward<'a, S> {
    /// The gradients of the input, through how it is read, and of the weights.
    pub(crate) fn new(problem: Problem<'a>, x: Operand<'a, S>, w: Weights<'_, S::Real>, dy: Incoming<'a, S>) -> Self {
        let (plan, sizes) = (Plan::new(&problem, w), [w.depthwise.len(), w.dense.len()]);
        Self { problem, x, dy, plan, shared: None, sizes, weights: true, gate: false, sums: false }
    }

    /// Whether the weights' gradients are wanted; they are, unless this says otherwise.
    pub(crate) fn weights(self, weights: bool) -> Self {
        Self { weights, ..self }
    }

    /// Whether to go back through the ReLU that the operand is read through, if there is one.
    pub(crate) fn gate(self, gate: bool) -> Self {
        Self { gate: gate && self.x.relu, ..self }
    }

    /// Whether to take the sums that the batch norm needs through which the operand is read.
    pub(crate) fn sums(self, sums: bool) -> Self {
        Self { sums, ..self }
    }

    pub(crate) fn input_len(&self) -> usize {
        self.problem.geometry.input_len()
    }

    /// Lengths of the buffers of [`Work`].
    fn buffers(&self) -> [usize; 5] {
        let (p, g, plan) = (&self.problem, &self.problem.geometry, &self.plan);
        let (planes, output) = (p.inputs() * plan.together, g.output_len());
        [
            if p.has_depthwise() { g.packed_len() } else { planes * g.packed_len() },
            if p.stages == Stages::Separable { planes * output } else { 0 },
            p.outputs() * plan.together * output,
            if p.has_depthwise() { planes * plan.plane } else { 0 },
            g.input_len(),
        ]
    }

    /// Sums to begin a piece with.
    pub(crate) fn sums_of_piece(&self) -> Sums<S::Real> {
        let (p, plan) = (&self.problem, &self.plan);
        let zeros = |wanted: bool, len: usize| {
            let mut sums = pool::take(if wanted && self.weights { len } else { 0 });
            sums.fill(Lanes::ZERO);
            sums
        };
        Sums {
            depthwise: zeros(p.has_depthwise(), p.inputs() * p.geometry.taps.len()),
            dense: zeros(p.stages != Stages::Depthwise, p.outputs() * plan.reading.terms.len()),
            norm: vec![GradientSums::ZERO; p.inputs()],
        }
    }

    /// Adds the weights' gradients of some samples up, and writes the gradient of their input, where it is wanted, into
    /// their part of `dx`; what lies there already is added to with `add`. `laid` holds the samples where others read them,
    /// too.
    pub(crate) fn run(
        &self,
        scratch: &mut [Lanes<S::Real>],
        sums: &mut Sums<S::Real>,
        near: Range<usize>,
        laid: Option<Laid<'_, S::Real>>,
        dx: Option<&mut [&mut [Lanes<S>]]>,
        add: bool,
    ) {
        let [packed, middle, dy, du, plane] = carve(scratch, self.buffers());
        Work { packed, middle, dy, du, plane }.run(self, sums, near, self.shared.as_ref().zip(laid), dx, add);
    }

    /// The gradients of the weights, from all pieces in their order.
    pub(crate) fn gradients(&self, pieces: Vec<Sums<S::Real>>) -> Gradients<S::Real> {
        let p = &self.problem;
        let (mut depthwise, mut dense, mut sums) = (Vec::new(), Vec::new(), vec![Vec::new(); p.inputs()]);
        for piece in pieces {
            depthwise.push(piece.depthwise);
            dense.push(piece.dense);
            sums.iter_mut().zip(piece.norm).for_each(|(parts, part)| parts.push(part));
        }
        let [of_depthwise, of_dense] = self.sizes.map(|size| if self.weights { size } else { 0 });
        let mut gradients =
            Gradients { depthwise: vec![S::Real::ZERO; of_depthwise], dense: vec![S::Real::ZERO; of_dense], sums };
        if of_depthwise > 0 {
            weights::depthwise_gradient(p, &total(depthwise), &mut gradients.depthwise);
        }
        if of_dense > 0 {
            weights::dense_gradient(p, &total(dense), &mut gradients.dense);
        }
        gradients
    }
}

/// The pieces' sums, added up in their order.
fn total<T: Element>(pieces: Vec<pool::Buffer<T>>) -> pool::Buffer<T> {
    let mut pieces = pieces.into_iter();
    let mut total = pieces.next().unwrap_or_else(|| pool::take(0));
    for piece in pieces {
        for (total, part) in total.iter_mut().zip(&*piece) {
            *total += *part;
        }
    }
    total
}

/// What one piece adds up.
pub(crate) struct Sums<T: Element> {
    depthwise: pool::Buffer<T>,
    dense: pool::Buffer<T>,
    norm: Vec<GradientSums>,
}

/// The buffers that some samples go through.
struct Work<'a, T> {
    /// The input laid out: all of it for a dense stage, one plane for a depthwise one.
    packed: &'a mut [Lanes<T>],
    middle: &'a mut [Lanes<T>],
    /// The incoming gradient, block by block.
    dy: &'a mut [Lanes<T>],
    /// The gradient of the depthwise stage's output.
    du: &'a mut [Lanes<T>],
    /// One plane of the input's gradient.
    plane: &'a mut [Lanes<T>],
}

impl<T: Element> Work<'_, T> {
    /// Works the stages of some samples out again, adds up the weights' gradients, and goes back to the input.
    fn run<S: Stored<Real = T>>(
        &mut self,
        of: &Backward<'_, S>,
        sums: &mut Sums<T>,
        near: Range<usize>,
        shared: Shared<'_, T>,
        mut dx: Option<&mut [&mut [Lanes<S>]]>,
        add: bool,
    ) {
        let Backward { problem: p, x, dy, plan, weights, .. } = of;
        let (together, output) = (plan.together, p.geometry.output_len());
        let (block_len, pixels) = (together * output, near.len() * output);
        if *weights && p.stages != Stages::Depthwise {
            let mut blocks: Vec<_> = self.middle.chunks_mut(block_len).collect();
            let middle = p.has_depthwise().then_some(&mut blocks[..]);
            first_stages(p, x, &plan.taps, near.clone(), together, shared, self.packed, middle);
        }
        for block in 0..p.outputs() {
            dy.load(block, near.start * output, &mut self.dy[block * block_len..][..pixels]);
        }
        if *weights && p.stages != Stages::Depthwise {
            let source = if p.has_depthwise() { &*self.middle } else { &*self.packed };
            let from = Gathered { x: scalars(source), at: &plan.reading.at[..pixels], terms: &plan.reading.terms };
            let dy: Vec<&[Lanes<T>]> = self.dy.chunks(block_len).map(|block| &block[..pixels]).collect();
            outer(&dy, from, &mut sums.dense);
        }
        match (p.has_depthwise(), dx.is_some()) {
            (true, _) => self.middle_gradient(p, plan, pixels),
            (false, true) => self.dense_input(p, plan, pixels),
            (false, false) => return,
        }
        for block in 0..p.inputs() {
            for (index, sample) in near.clone().enumerate() {
                self.plane_gradient(of, sums, shared, block, index, sample);
                if let Some(dx) = &mut dx {
                    self.write(of, &mut sums.norm[block], block, index, sample, dx[block], add);
                }
            }
        }
    }

    /// The gradient of the depthwise stage's output, padded where it is convolved with.
    fn middle_gradient(&mut self, p: &Problem<'_>, plan: &Plan<T>, pixels: usize) {
        let (together, block_len) = (plan.together, plan.together * p.geometry.output_len());
        if let Some((transposed, _)) = &plan.transposed {
            for du in self.du.chunks_mut(plan.plane) {
                transposed.fill_outside(Lanes::ZERO, du);
            }
        }
        if p.stages == Stages::Depthwise {
            for (du, dy) in self.du.chunks_mut(together * plan.plane).zip(self.dy.chunks(block_len)) {
                for (place, dy) in plan.places.iter().zip(&dy[..pixels]) {
                    du[*place] = *dy;
                }
            }
            return;
        }
        let from = Gathered { x: scalars(self.dy), at: &plan.identity[..pixels], terms: &plan.output_terms };
        let mut du: Vec<&mut [Lanes<T>]> = self.du.chunks_mut(together * plan.plane).collect();
        product(&plan.turned, from, &mut du, Target { places: &plan.places, offset: 0, add: false });
    }

    /// Goes through one plane of the input: the weights' gradients of the depthwise stage, and the plane's own gradient.
    fn plane_gradient<S: Stored<Real = T>>(
        &mut self,
        of: &Backward<'_, S>,
        sums: &mut Sums<T>,
        shared: Shared<'_, T>,
        block: usize,
        index: usize,
        sample: usize,
    ) {
        let Backward { problem: p, x, plan, weights, .. } = of;
        let (g, at) = (&p.geometry, block * plan.together + index);
        if !p.has_depthwise() {
            // The gradient lies where the input was laid out.
            g.unpack(&self.packed[at * g.packed_len()..(at + 1) * g.packed_len()], self.plane);
            return;
        }
        let du = &self.du[at * plan.plane..(at + 1) * plan.plane];
        let taps = block * g.taps.len()..(block + 1) * g.taps.len();
        if *weights {
            let sums = &mut sums.depthwise[taps.clone()];
            match shared {
                Some((g, laid)) => {
                    depthwise::weight_gradient(g, du, &plan.places, laid.plane(block, sample), sums);
                }
                None => {
                    let x_plane = &x.blocks[block][sample * g.input_len()..(sample + 1) * g.input_len()];
                    g.pack(x_plane, x.read(block), Lanes::ZERO, self.packed);
                    depthwise::weight_gradient(g, du, &plan.places, self.packed, sums);
                }
            }
        }
        match &plan.transposed {
            Some((transposed, turned)) => depthwise::forward(transposed, &turned[taps], du, self.plane),
            None => {
                self.packed.fill(Lanes::ZERO);
                depthwise::scatter(g, &plan.taps[taps], &du[..g.output_len()], self.packed);
                g.unpack(self.packed, self.plane);
            }
        }
    }

    /// Writes the gradient of one plane of the input.
    fn write<S: Stored<Real = T>>(
        &self,
        of: &Backward<'_, S>,
        sums: &mut GradientSums,
        block: usize,
        index: usize,
        sample: usize,
        dx: &mut [Lanes<S>],
        add: bool,
    ) {
        let input = of.input_len();
        let read = of.x.read(block);
        let x = &of.x.blocks[block][sample * input..(sample + 1) * input];
        let dx = &mut dx[index * input..(index + 1) * input];
        put(self.plane, of.gate.then_some((x, read)), dx, add);
        if let (true, Some(affine)) = (of.sums, read.affine) {
            sums.add(dx, x, affine.center);
        }
    }

    /// The gradient of the dense stage's input, laid out as the input was.
    fn dense_input(&mut self, p: &Problem<'_>, plan: &Plan<T>, pixels: usize) {
        let g = &p.geometry;
        let from = Gathered { x: scalars(self.dy), at: &plan.identity[..pixels], terms: &plan.output_terms };
        let direct = g.is_pointwise();
        if !direct {
            self.packed.fill(Lanes::ZERO);
        }
        let mut blocks: Vec<&mut [Lanes<T>]> = self.packed.chunks_mut(plan.together * g.packed_len()).collect();
        for (turned, tap) in plan.turned.chunks(p.inputs() * p.out).zip(&g.taps) {
            product(turned, from, &mut blocks, Target { places: &plan.places, offset: *tap, add: !direct });
        }
    }
}
