//! The gradient through a step of the lower level against a bilevel problem whose answer is known in closed form.

use candle_core::{Device, Error, Tensor, Var};
use nas_oneshot::{Bilevel, Gradients, hypergradient};

const WEIGHTS: usize = 4;
const ARCHITECTURE: usize = 3;

/// `L_train = w'Aw/2 + w'Ma + a'a/2` and `L_val = |w - target|²/2 + w'Na`, with SGD below.
struct Quadratic {
    /// Two variables of different shapes.
    weights: [Var; 2],
    a: [f64; ARCHITECTURE],
    target: [f64; WEIGHTS],
    momentum: f64,
    buffer: [f64; WEIGHTS],
    decay: f64,
    /// Passes so far, and after how many of them the problem fails.
    passes: usize,
    fails_after: usize,
}

const A: [[f64; WEIGHTS]; WEIGHTS] =
    [[2.0, 0.3, 0.0, -0.1], [0.3, 1.5, 0.2, 0.0], [0.0, 0.2, 3.0, 0.4], [-0.1, 0.0, 0.4, 1.0]];
const M: [[f64; ARCHITECTURE]; WEIGHTS] = [[0.5, -1.0, 2.0], [1.5, 0.2, -0.7], [-0.3, 0.8, 0.1], [0.9, -0.4, 1.1]];
const N: [[f64; ARCHITECTURE]; WEIGHTS] = [[0.2, 0.1, -0.5], [-0.6, 0.4, 0.3], [0.7, -0.2, 0.8], [0.1, 0.9, -0.3]];

fn times<const C: usize>(matrix: &[[f64; C]; WEIGHTS], x: &[f64; C]) -> [f64; WEIGHTS] {
    std::array::from_fn(|row| (0..C).map(|column| matrix[row][column] * x[column]).sum())
}

fn transposed_times<const C: usize>(matrix: &[[f64; C]; WEIGHTS], x: &[f64; WEIGHTS]) -> [f64; C] {
    std::array::from_fn(|column| (0..WEIGHTS).map(|row| matrix[row][column] * x[row]).sum())
}

fn plus(a: [f64; WEIGHTS], factor: f64, b: [f64; WEIGHTS]) -> [f64; WEIGHTS] {
    std::array::from_fn(|i| a[i] + factor * b[i])
}

impl Quadratic {
    fn new(target: [f64; WEIGHTS]) -> Self {
        let var = |tensor: candle_core::Result<Tensor>| Var::from_tensor(&tensor.unwrap()).unwrap();
        let weights = [var(Tensor::new(&[0.3, -0.8], &Device::Cpu)), var(Tensor::new(&[[1.2], [0.5]], &Device::Cpu))];
        let (momentum, buffer) = (0.9, [0.2, -0.1, 0.4, 0.3]);
        let a = [0.6, -0.2, 0.9];
        Self { weights, a, target, momentum, buffer, decay: 3e-2, passes: 0, fails_after: usize::MAX }
    }

    fn w(&self) -> [f64; WEIGHTS] {
        let flat = |var: &Var| var.flatten_all().unwrap().to_vec1::<f64>().unwrap();
        let all: Vec<f64> = self.weights.iter().flat_map(flat).collect();
        all.try_into().unwrap()
    }

    fn gradients(&mut self, weights: [f64; WEIGHTS], architecture: [f64; ARCHITECTURE]) -> Result<Gradients, Error> {
        self.passes += 1;
        if self.passes > self.fails_after {
            return Err(Error::Msg("no more".into()));
        }
        let weights =
            vec![Tensor::new(&weights[..2], &Device::Cpu)?, Tensor::new(&weights[2..], &Device::Cpu)?.reshape((2, 1))?];
        let architecture = vec![Tensor::new(&architecture, &Device::Cpu)?];
        Ok(Gradients { loss: 0.0, correct: 0, weights, architecture })
    }

    /// Where the weights go in the next step, and the vector the architecture's gradient is pulled through.
    fn step(&self, eta: f64) -> ([f64; WEIGHTS], [f64; WEIGHTS]) {
        let w = self.w();
        let slope = plus(times(&A, &w), 1.0, times(&M, &self.a));
        let direction = plus(plus(slope, self.momentum, self.buffer), self.decay, w);
        let next = plus(w, -eta, direction);
        (next, plus(plus(next, -1.0, self.target), 1.0, times(&N, &self.a)))
    }

    /// `d L_val(w'(a), a) / da = N'w' - eta M'v`, by the chain rule.
    fn exact(&self, eta: f64) -> [f64; ARCHITECTURE] {
        let (next, v) = self.step(eta);
        let (direct, through) = (transposed_times(&N, &next), transposed_times(&M, &v));
        std::array::from_fn(|i| direct[i] - eta * through[i])
    }
}

impl Bilevel for Quadratic {
    type Error = Error;

    fn weights(&self) -> Vec<Var> {
        self.weights.to_vec()
    }

    fn training(&mut self) -> Result<Gradients, Error> {
        let (w, a) = (self.w(), self.a);
        let architecture = transposed_times(&M, &w);
        self.gradients(plus(times(&A, &w), 1.0, times(&M, &a)), std::array::from_fn(|i| architecture[i] + a[i]))
    }

    fn training_architecture(&mut self) -> Result<Gradients, Error> {
        Ok(Gradients { weights: Vec::new(), ..self.training()? })
    }

    fn validation(&mut self) -> Result<Gradients, Error> {
        let (w, a) = (self.w(), self.a);
        self.gradients(plus(plus(w, -1.0, self.target), 1.0, times(&N, &a)), transposed_times(&N, &w))
    }

    fn direction(&self, gradients: &[Tensor]) -> Result<Vec<Tensor>, Error> {
        let buffers = [&self.buffer[..2], &self.buffer[2..]];
        let one = |((gradient, var), buffer): ((&Tensor, &Var), &[f64])| {
            let buffer = Tensor::new(buffer, &Device::Cpu)?.reshape(var.dims())?;
            (gradient + (buffer * self.momentum)?)? + (var.as_detached_tensor() * self.decay)?
        };
        gradients.iter().zip(&self.weights).zip(buffers).map(one).collect()
    }
}

fn found(problem: &mut Quadratic, eta: f64) -> Vec<f64> {
    hypergradient(problem, eta).unwrap().architecture[0].to_vec1().unwrap()
}

/// The vector pulled through, from far shorter to far longer than the reach of the difference.
const TARGETS: [[f64; WEIGHTS]; 3] = [[0.4, -0.1, 0.2, 0.9], [30.0, -20.0, 50.0, 10.0], [3e3, 1e3, -2e3, 4e3]];

#[test]
fn it_is_the_exact_gradient_of_a_quadratic() {
    for (target, eta) in TARGETS.into_iter().flat_map(|target| [0.025, 0.3].map(|eta| (target, eta))) {
        let mut problem = Quadratic::new(target);
        let (exact, before) = (problem.exact(eta), problem.w());
        for (found, exact) in found(&mut problem, eta).into_iter().zip(exact) {
            assert!((found - exact).abs() <= 1e-6 * exact.abs().max(1.0), "{target:?}, {eta}: {found}, not {exact}");
        }
        assert_eq!(problem.w(), before, "the weights are put back to the bit");
        assert_eq!(problem.passes, 4);
    }
}

/// Several ports of the method divide by 2 and multiply by the reach, or do not divide at all. The comparison above tells
/// each of these from the right one, by far more than it allows.
#[test]
fn a_division_left_out_or_misplaced_would_be_seen() {
    let eta = 0.3;
    for target in TARGETS {
        let problem = Quadratic::new(target);
        let (next, v) = problem.step(eta);
        let norm = v.iter().map(|x| x * x).sum::<f64>().sqrt();
        let reach = 0.01 / norm;
        let (direct, through) = (transposed_times(&N, &next), transposed_times(&M, &v));
        let exact = problem.exact(eta);
        // The two gradients differ by `2 reach M'v`.
        let wrong = |factor: f64| -> f64 {
            let off = |i: usize| {
                let wrong = direct[i] - eta * 2.0 * reach * through[i] * factor;
                (wrong - exact[i]).abs() / exact[i].abs().max(1.0)
            };
            (0..ARCHITECTURE).map(off).fold(0.0, f64::max)
        };
        assert!(wrong(1.0 / (2.0 * reach)) < 1e-9);
        for factor in [1.0, 0.5, 1.0 / reach, reach / 2.0] {
            assert!(wrong(factor) > 1e-2, "{target:?}: a factor of {factor} is off by {} only", wrong(factor));
        }
    }
}

#[test]
fn the_weights_are_put_back_when_a_pass_fails() {
    for fails_after in 0..4 {
        let mut problem = Quadratic { fails_after, ..Quadratic::new(TARGETS[0]) };
        let before = problem.w();
        assert!(hypergradient(&mut problem, 0.1).is_err());
        assert_eq!(problem.w(), before, "after {fails_after} passes");
    }
}
