//! Steps against PyTorch 2.15 (f64) or by hand, three in a row, and the state's round trip.

use candle_core::{DType, Device, Tensor, Var};

use super::*;

const START: [f64; 3] = [1.0, -2.0, 0.5];
const GRADIENTS: [[f64; 3]; 3] = [[0.1, -0.2, 0.3], [-0.4, 0.5, 0.6], [0.7, 0.0, -0.9]];

fn parameter(name: &str, decay: bool, dtype: DType) -> Parameter {
    let start = Tensor::new(&START, &Device::Cpu).unwrap().to_dtype(dtype).unwrap();
    Parameter { name: name.to_owned(), var: Var::from_tensor(&start).unwrap(), decay }
}

fn gradient(step: usize, dtype: DType) -> Tensor {
    Tensor::new(&GRADIENTS[step], &Device::Cpu).unwrap().to_dtype(dtype).unwrap()
}

fn values(parameter: &Parameter) -> Vec<f64> {
    parameter.var.to_dtype(DType::F64).unwrap().to_vec1().unwrap()
}

fn check(make: impl Fn() -> Box<dyn Optimizer>, learning_rate: f64, clip: Option<f64>, expect: [f64; 3]) {
    for (dtype, tolerance) in [(DType::F64, 1e-14), (DType::F32, 3e-7)] {
        let (mut optimizer, parameters) = (make(), [parameter("a", true, dtype)]);
        for step in 0..GRADIENTS.len() {
            let gradients = [gradient(step, dtype)];
            let norm = global_norm(&gradients).unwrap();
            let scale = clip.map_or(1.0, |max| clip_scale(norm, max));
            optimizer.step(&parameters, &gradients, Rate { learning_rate, scale }).unwrap();
        }
        for (value, expect) in values(&parameters[0]).into_iter().zip(expect) {
            assert!((value - expect).abs() < tolerance, "{dtype:?}: {value}, not {expect}");
        }
    }
}

fn sgd(momentum: f64, nesterov: bool, weight_decay: f64) -> impl Fn() -> Box<dyn Optimizer> {
    move || Box::new(Sgd::new(momentum, nesterov, weight_decay, DecayOn::Selected))
}

#[test]
fn sgd_is_pytorchs() {
    check(sgd(0.0, false, 0.0), 0.1, None, [0.96, -2.03, 0.5]);
    check(sgd(0.0, false, 0.01), 0.1, None, [0.956982989, -2.023995978, 0.4986214695]);
    check(sgd(0.9, false, 0.01), 0.1, None, [0.973292789, -2.029615578, 0.3920713695]);
    check(sgd(0.9, true, 0.01), 0.1, None, [0.9329334125509999, -2.050675125102, 0.4017377848005]);
}

#[test]
fn clipping_is_pytorchs() {
    let expect = [0.9799179628620586, -1.9887683000184393, 0.39055567933133495];
    check(sgd(0.9, false, 0.01), 0.1, Some(0.5), expect);
}

#[test]
fn adam_is_pytorchs() {
    let adamw = || -> Box<dyn Optimizer> { Box::new(Adam::adamw(0.1, DecayOn::Selected)) };
    check(adamw, 0.01, None, [0.9893015492679501, -1.991862055564072, 0.4795453117434685]);
    let adam = || -> Box<dyn Optimizer> { Box::new(Adam::with_penalty(0.001, DecayOn::All).betas(0.5, 0.999)) };
    check(adam, 0.01, None, [0.9915703111871347, -2.000582871545793, 0.4840809006671674]);
}

fn rmsprop(momentum: f64, epsilon: f64, weight_decay: f64) -> impl Fn() -> Box<dyn Optimizer> {
    move || Box::new(RmsProp::new(0.9, momentum, epsilon, weight_decay, DecayOn::Selected))
}

/// The formula in decimal numbers of forty digits.
#[test]
fn rmsprop_is_tensorflows() {
    check(rmsprop(0.9, 0.1, 0.01), 0.1, None, [0.9721135812185062, -2.0325888199566746, 0.39211423001627793]);
    check(rmsprop(0.0, 1.0, 0.0), 0.1, None, [0.9700674667907228, -2.022380244166887, 0.5003978610983904]);
}

fn muon(nesterov: bool) -> Muon {
    Muon::new(0.2, 0.1, Sgd::new(0.9, nesterov, 0.01, DecayOn::Selected))
}

/// Kernels of a convolution, `[out, in, 1, 2]`, and a gradient of theirs.
fn kernels(name: &str, out: usize, inputs: usize) -> (Parameter, Tensor) {
    let numbers = |phase: f64| {
        let values: Vec<f64> = (0..2 * out * inputs).map(|i| (phase + i as f64).sin()).collect();
        Tensor::from_vec(values, (out, inputs, 1, 2), &Device::Cpu).unwrap()
    };
    let var = Var::from_tensor(&numbers(0.0)).unwrap();
    (Parameter { name: name.to_owned(), var, decay: true }, numbers(0.5))
}

fn all(parameter: &Parameter) -> Vec<f64> {
    parameter.var.flatten_all().unwrap().to_vec1().unwrap()
}

/// The formula, with a momentum that two equal gradients make 1.9 (Nesterov: 2.71) times one: to an orthogonal matrix, the
/// same.
#[test]
fn muon_moves_matrices_by_orthogonal_steps() {
    for (out, inputs, stretch) in [(3, 4, 1.0), (6, 2, 1.5_f64.sqrt())] {
        let (parameter, gradient) = kernels("a", out, inputs);
        let mut direction: Vec<f64> = gradient.flatten_all().unwrap().to_vec1().unwrap();
        orthogonal::orthogonalize(&mut direction, 2 * inputs);
        let (mut muon, mut expect) = (muon(out == 3), all(&parameter));
        for _ in 0..2 {
            let rate = Rate { learning_rate: 0.5, scale: 0.7 };
            muon.step(std::slice::from_ref(&parameter), std::slice::from_ref(&gradient), rate).unwrap();
            for (w, d) in expect.iter_mut().zip(&direction) {
                *w = *w * (1.0 - 0.5 * 0.2 * 0.1) - 0.5 * 0.2 * stretch * d;
            }
        }
        for (value, expect) in all(&parameter).into_iter().zip(expect) {
            assert!((value - expect).abs() < 1e-6, "{out} x {inputs}: {value}, not {expect}");
        }
    }
}

#[test]
fn what_is_no_matrix_moves_by_sgd_beside_muon() {
    let ((depthwise, own), (matrix, other)) = (kernels("depthwise", 4, 1), kernels("matrix", 4, 2));
    let (alone, _) = kernels("depthwise", 4, 1);
    let (mut muon, mut sgd) = (muon(true), Sgd::new(0.9, true, 0.01, DecayOn::Selected));
    let parameters = [parameter("norm", false, DType::F64), depthwise, matrix];
    let norm = parameter("norm", false, DType::F64);
    for step in 0..3 {
        let rate = Rate::new(0.1);
        muon.step(&parameters, &[gradient(step, DType::F64), own.clone(), other.clone()], rate).unwrap();
        sgd.step(&[norm.clone(), alone.clone()], &[gradient(step, DType::F64), own.clone()], rate).unwrap();
    }
    assert_eq!((values(&parameters[0]), all(&parameters[1])), (values(&norm), all(&alone)));
    let state = muon.state().unwrap();
    let names: Vec<_> = state.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["depthwise.momentum", "matrix.momentum", "norm.momentum"]);
}

#[test]
fn muon_goes_on_from_its_state_at_any_number_of_threads() {
    let kernels = || [kernels("a", 9, 5), kernels("b", 3, 16), kernels("c", 7, 1)];
    let stepped = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| {
            let (parameters, gradients): (Vec<_>, Vec<_>) = kernels().into_iter().unzip();
            let mut optimizer = muon(true);
            for step in 0..4 {
                if step == 2 {
                    let state = optimizer.state().unwrap();
                    optimizer = muon(true);
                    optimizer.load_state(&parameters, &state).unwrap();
                }
                optimizer.step(&parameters, &gradients, Rate::new(0.1)).unwrap();
            }
            parameters.iter().flat_map(all).collect::<Vec<_>>()
        })
    };
    let (parameters, gradients): (Vec<_>, Vec<_>) = kernels().into_iter().unzip();
    let mut whole = muon(true);
    for _ in 0..4 {
        whole.step(&parameters, &gradients, Rate::new(0.1)).unwrap();
    }
    let expect: Vec<f64> = parameters.iter().flat_map(all).collect();
    assert_eq!((stepped(1), stepped(3)), (expect.clone(), expect));
}

#[test]
fn decay_spares_what_it_should() {
    let still = [Tensor::zeros(3, DType::F64, &Device::Cpu).unwrap()];
    let moved = |decay_on, own| {
        let parameters = [parameter("bias", own, DType::F64)];
        Sgd::new(0.9, false, 0.1, decay_on).step(&parameters, &still, Rate::new(1.0)).unwrap();
        values(&parameters[0]) != START
    };
    assert!(!moved(DecayOn::Selected, false));
    assert!(moved(DecayOn::Selected, true));
    assert!(moved(DecayOn::All, false));
}

#[test]
fn tensor_operations_give_the_same_step_as_the_fused_pass() {
    let parameters = [parameter("a", true, DType::F64)];
    let rate = Rate { learning_rate: 0.1, scale: 0.7 };
    let same = |composed: Tensor| {
        for (a, b) in composed.to_vec1::<f64>().unwrap().into_iter().zip(values(&parameters[0])) {
            assert!((a - b).abs() < 1e-14, "{a}, not {b}");
        }
    };
    for nesterov in [false, true] {
        let mut sgd = Sgd::new(0.9, nesterov, 0.01, DecayOn::All);
        sgd.step(&parameters, &[gradient(0, DType::F64)], rate).unwrap();
        let next = super::sgd::composed_next(&sgd, &parameters[0], &gradient(1, DType::F64), rate).unwrap();
        sgd.step(&parameters, &[gradient(1, DType::F64)], rate).unwrap();
        same(next);
    }
    for mut adam in [Adam::adamw(0.01, DecayOn::All), Adam::with_penalty(0.01, DecayOn::All)] {
        adam.step(&parameters, &[gradient(0, DType::F64)], rate).unwrap();
        let next = super::adam::composed_next(&adam, &parameters[0], &gradient(1, DType::F64), rate).unwrap();
        adam.step(&parameters, &[gradient(1, DType::F64)], rate).unwrap();
        same(next);
    }
    for nesterov in [false, true] {
        let ((parameter, gradient), mut muon) = (kernels("a", 6, 2), muon(nesterov));
        let parameters = [parameter];
        muon.step(&parameters, std::slice::from_ref(&gradient), rate).unwrap();
        let next = super::muon::composed_next(&muon, &parameters[0], &gradient, rate).unwrap();
        muon.step(&parameters, &[gradient], rate).unwrap();
        let next = next.flatten_all().unwrap().to_vec1::<f64>().unwrap();
        for (a, b) in next.into_iter().zip(all(&parameters[0])) {
            assert!((a - b).abs() < 1e-12, "{a}, not {b}");
        }
    }
    let mut rmsprop = RmsProp::new(0.9, 0.9, 0.1, 0.01, DecayOn::All);
    rmsprop.step(&parameters, &[gradient(0, DType::F64)], rate).unwrap();
    let next = super::rmsprop::composed_next(&rmsprop, &parameters[0], &gradient(1, DType::F64), rate).unwrap();
    rmsprop.step(&parameters, &[gradient(1, DType::F64)], rate).unwrap();
    same(next);
}

/// Runs two steps, moves the state over by its names, and compares the third step to the bit.
fn check_state(make: impl Fn() -> Box<dyn Optimizer>, expect: &[&str]) {
    let rate = Rate::new(0.05);
    let (mut first, ours) = (make(), [parameter("x.weight", true, DType::F32)]);
    for step in 0..2 {
        first.step(&ours, &[gradient(step, DType::F32)], rate).unwrap();
    }
    let state = first.state().unwrap();
    assert_eq!(state.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(), expect);
    let theirs = [parameter("x.weight", true, DType::F32)];
    theirs[0].var.set(ours[0].var.as_tensor()).unwrap();
    let mut second = make();
    second.load_state(&theirs, &state).unwrap();
    // The copy must not be the original: a step of one would then move the other.
    for (optimizer, parameters) in [(&mut first, &ours), (&mut second, &theirs)] {
        optimizer.step(parameters, &[gradient(2, DType::F32)], rate).unwrap();
    }
    assert_eq!(values(&ours[0]), values(&theirs[0]));
}

#[test]
fn the_state_moves_to_another_optimiser() {
    check_state(sgd(0.9, true, 0.1), &["x.weight.momentum"]);
    check_state(sgd(0.0, false, 0.1), &[]);
    let adamw = || -> Box<dyn Optimizer> { Box::new(Adam::adamw(0.1, DecayOn::Selected)) };
    check_state(adamw, &["x.weight.mean", "x.weight.square", "x.weight.steps"]);
    check_state(rmsprop(0.9, 0.1, 0.1), &["x.weight.square", "x.weight.momentum"]);
}

#[test]
fn a_state_that_does_not_fit_is_named() {
    let parameters = [parameter("x.weight", true, DType::F32)];
    let zeros = |n: usize| Tensor::zeros(n, DType::F32, &Device::Cpu).unwrap();
    let check = |name: &str, tensor: Tensor, expect: &str| {
        let mut optimizer = Sgd::new(0.9, false, 0.0, DecayOn::All);
        let error = optimizer.load_state(&parameters, &[(name.to_owned(), tensor)]).unwrap_err().to_string();
        assert!(error.contains(name) && error.contains(expect), "{error}");
    };
    check("y.weight.momentum", zeros(3), "no such parameter");
    check("x.weight.momentum", zeros(4), "[4]");
    check("x.weight.mean", zeros(3), "another kind of optimiser");
    let half = [("x.weight.mean".to_owned(), zeros(3))];
    let error = Adam::adamw(0.0, DecayOn::All).load_state(&parameters, &half).unwrap_err().to_string();
    assert!(error.contains("x.weight") && error.contains("`square`"), "{error}");
    let half = [("x.weight.square".to_owned(), zeros(3))];
    let error = RmsProp::new(0.9, 0.9, 0.1, 0.0, DecayOn::All).load_state(&parameters, &half).unwrap_err().to_string();
    assert!(error.contains("x.weight") && error.contains("`momentum`"), "{error}");
}

#[test]
fn gradients_that_do_not_fit_are_named() {
    let parameters = [parameter("x.weight", true, DType::F32)];
    let mut optimizer = Sgd::new(0.9, false, 0.0, DecayOn::All);
    let error = optimizer.step(&parameters, &[gradient(0, DType::F64)], Rate::new(0.1)).unwrap_err().to_string();
    assert!(error.contains("x.weight") && error.contains("F64"), "{error}");
    let error = optimizer.step(&parameters, &[], Rate::new(0.1)).unwrap_err().to_string();
    assert!(error.contains("1 parameters came with 0 gradients"), "{error}");
}

#[test]
fn the_norm_is_over_all_tensors_and_clipping_keeps_the_direction() {
    let numbers: Vec<f32> = (0..37).map(|i| i as f32 - 18.0).collect();
    let expect = (numbers.iter().map(|&x| f64::from(x).powi(2)).sum::<f64>() + 9.0).sqrt();
    let mut gradients =
        [Tensor::new(numbers.as_slice(), &Device::Cpu).unwrap(), Tensor::new(&[3.0_f64], &Device::Cpu).unwrap()];
    let norm = clip_by_norm(&mut gradients, 2.0).unwrap();
    assert!((norm - expect).abs() < 1e-12, "{norm}, not {expect}");
    assert!((global_norm(&gradients).unwrap() - 2.0).abs() < 1e-5);
    let third = gradients[1].to_vec1::<f64>().unwrap()[0];
    assert!((third - 3.0 * 2.0 / (expect + 1e-6)).abs() < 1e-12);
    let before = gradients[1].to_vec1::<f64>().unwrap();
    clip_by_norm(&mut gradients, 5.0).unwrap();
    assert_eq!(gradients[1].to_vec1::<f64>().unwrap(), before, "short gradients stay as they are");
    assert!(clip_scale(f64::NAN, 5.0).is_nan());
}

#[test]
fn a_step_goes_in_the_direction_that_was_told() {
    for (momentum, nesterov) in [(0.0, false), (0.9, false), (0.9, true)] {
        let parameters = [parameter("a", true, DType::F64)];
        let mut sgd = Sgd::new(momentum, nesterov, 0.01, DecayOn::Selected);
        for step in 0..GRADIENTS.len() {
            let gradient = gradient(step, DType::F64);
            let direction = sgd.direction(&parameters[0], &gradient).unwrap().to_vec1::<f64>().unwrap();
            let before = values(&parameters[0]);
            sgd.step(&parameters, &[gradient], Rate::new(0.1)).unwrap();
            for ((after, before), direction) in values(&parameters[0]).into_iter().zip(before).zip(direction) {
                assert!((after - (before - 0.1 * direction)).abs() < 1e-15, "{momentum} {nesterov}, step {step}");
            }
        }
    }
}
