//! Whether generated weights are a good beginning: the same trainings from them and from random ones.

use candle_core::{DType, Device};
use nas_ghn::Ghn;
use nas_nn::{Network, Trainer};
use serde_json::{Value, json};

use crate::Arguments;
use crate::setup::Setup;

/// The accuracy after every epoch of some trainings, from generated and from random weights, and their means.
pub(crate) fn compare(setup: &Setup, ghn: &mut Ghn, arguments: &Arguments) -> anyhow::Result<Value> {
    let (mut generated, mut random) = (Vec::new(), Vec::new());
    for number in 0..arguments.beginnings as u64 {
        let architecture = setup.architecture("beginning", number);
        let graph = setup.task.space.lower(&architecture, &setup.task.network)?;
        let seed = setup.seed.child("beginnings").index(number);
        let mut network = Network::init(graph.clone(), seed.child("init"), DType::F32, &Device::Cpu)?;
        random.push(curve(setup, network, arguments, number)?);
        network = Network::init(graph.clone(), seed.child("init"), DType::F32, &Device::Cpu)?;
        let plan = ghn.plan(graph)?;
        plan.begin(&mut network, &ghn.generate(&plan), seed.child("apart"))?;
        generated.push(curve(setup, network, arguments, number)?);
    }
    let mean = |curves: &[Vec<f64>]| -> Vec<f64> {
        let epochs = curves.first().map_or(0, Vec::len);
        (0..epochs).map(|e| curves.iter().map(|curve| curve[e]).sum::<f64>() / curves.len() as f64).collect()
    };
    Ok(json!({
        "architectures": arguments.beginnings,
        "mean_from_generated": mean(&generated),
        "mean_from_random": mean(&random),
        "from_generated": generated,
        "from_random": random,
    }))
}

/// The validation accuracy after each epoch.
fn curve(setup: &Setup, network: Network, arguments: &Arguments, number: u64) -> anyhow::Result<Vec<f64>> {
    let config = setup.training(arguments.trial_epochs, 1);
    let seed = setup.seed.child("beginnings").index(number).child("train");
    let mut trainer = Trainer::new(network, setup.real.clone(), config, seed)?;
    let report = trainer.run(&Default::default(), &mut |_| true)?;
    Ok(report.history.iter().filter_map(|epoch| epoch.validation.map(|v| v.accuracy)).collect())
}
