//! `nas evaluate`: the accuracy of a trained network, on its own data or on other.

use std::sync::Arc;

use candle_core::DType;
use nas_data::{DataSet, Normalization};
use nas_nn::trainer::evaluate;
use nas_nn::{Mode, Network, checkpoint};
use nas_space::Seed;
use serde_json::json;

use crate::args::{EvaluateArgs, Split};
use crate::config::{Config, read_full};
use crate::exit::{file, usage};
use crate::folder::Folder;
use crate::images::{self, Data};
use crate::output::Output;
use crate::output::table::pairs;
use crate::run::MODEL;
use crate::units::percent;
use crate::{architecture, device};

/// Measures.
pub fn run(args: &EvaluateArgs) -> anyhow::Result<()> {
    let out = Output::new(args.run.json, args.run.quiet);
    let folder = Folder::at(&args.folder);
    if !folder.path.is_dir() {
        return Err(file(format!("there is no folder {}; give the folder of a finished run", folder.path.display())));
    }
    let model = folder.file(MODEL);
    if !model.exists() {
        return Err(file(format!(
            "{} holds no trained network ({MODEL}); `nas resume` finishes a run that was stopped",
            folder.path.display()
        )));
    }
    let path = folder.file("nas.toml");
    let text = std::fs::read_to_string(&path).map_err(|e| file(format!("cannot read {}: {e}", path.display())))?;
    let config = read_full(&text, &path)?;
    device::use_threads(args.run.threads.unwrap_or_else(device::cores))?;
    let device = device::open(args.run.device.as_deref().unwrap_or("cpu"))?;
    let (blueprint, network) = architecture::resolve(&folder.file(architecture::FILE).display().to_string())?;
    let network =
        network.ok_or_else(|| file(format!("{} does not say how large its network is", folder.path.display())))?;
    let mut net = Network::init(blueprint.lower(&network)?, Seed::new(0), DType::F32, &device)?;
    let metadata = checkpoint::load_model(&model, &mut net)?;
    let known = |key: &str| {
        metadata.get(key).ok_or_else(|| file(format!("{}: `{key}` is missing from its metadata", model.display())))
    };
    let normalization: Normalization = serde_json::from_str(known("normalization")?)?;
    let classes: Vec<String> = serde_json::from_str(known("classes")?)?;
    let name = args.data.clone().unwrap_or_else(|| config.data.name.clone());
    let set = nas_data::load(&name, &images::data_options(&config.data))?;
    fits(&set, &network.input, &classes, &name)?;
    let (on, indices) = choose(set, args, &config, &out)?;
    let batch = config.finish.batch_size.max(64);
    let found = evaluate(&mut net, &on, &indices, &normalization, batch, Mode::Evaluate)?;
    let split = format!("{:?}", args.split).to_lowercase();
    out.document(&json!({
        "model": folder.path,
        "data": name,
        "split": split,
        "accuracy": found.accuracy,
        "loss": found.loss,
        "correct": found.correct,
        "count": found.count,
        "batch_norm": "running statistics",
    }));
    out.result(&pairs(&[
        ("model", folder.path.display().to_string()),
        ("data", format!("{name}, {split} images")),
        ("accuracy", format!("{} ({} of {})", percent(found.accuracy), found.correct, found.count)),
        ("loss", format!("{:.4} nats", found.loss)),
    ]));
    Ok(())
}

/// Refuses data that the network was not made for.
fn fits(set: &DataSet, input: &nas_space::ImageShape, classes: &[String], name: &str) -> anyhow::Result<()> {
    let shape = set.train.shape;
    if shape != *input {
        return Err(usage(format!(
            "the network reads images of {}x{}x{}, those of {name} are {}x{}x{}; train another one for them",
            input.channels, input.height, input.width, shape.channels, shape.height, shape.width
        )));
    }
    if set.classes != classes {
        return Err(usage(format!(
            "the classes of {name} ({}) are not those the network was trained on ({})",
            set.classes.join(", "),
            classes.join(", ")
        )));
    }
    Ok(())
}

/// The images asked for.
fn choose(
    set: DataSet,
    args: &EvaluateArgs,
    config: &Config,
    out: &Output,
) -> anyhow::Result<(Arc<nas_data::Images>, Arc<Vec<u32>>)> {
    if args.split == Split::Test {
        let indices = (0..).take(set.test.len()).collect();
        return Ok((Arc::new(set.test), Arc::new(indices)));
    }
    let data = Data::split(set, config)?;
    if args.split == Split::Validation && config.finish.on_all && args.data.is_none() {
        out.warn("this network was trained on the validation images too");
    }
    let indices = if args.split == Split::Train { data.train } else { data.validation };
    Ok((data.images, indices))
}
