//! `nas evaluate`: the accuracy of a trained network, on its own data or on other.

use std::sync::Arc;

use nas_data::DataSet;
use serde_json::json;

use super::logits;
use crate::args::{EvaluateArgs, Split};
use crate::config::{Config, read_full};
use crate::device;
use crate::exit::{file, usage};
use crate::folder::Folder;
use crate::images::{self, Data};
use crate::measured::{accuracy_of, measure, mirrored};
use crate::model::{self, Trained};
use crate::output::Output;
use crate::output::table::pairs;

/// Measures.
pub fn run(args: &EvaluateArgs) -> anyhow::Result<()> {
    let out = Output::new(args.run.json, args.run.quiet);
    let folder = Folder::at(&args.folder);
    let model = model::in_folder(&folder)?;
    let path = folder.file("nas.toml");
    let text = std::fs::read_to_string(&path).map_err(|e| file(format!("cannot read {}: {e}", path.display())))?;
    let config = read_full(&text, &path)?;
    device::use_threads(args.run.threads.unwrap_or_else(device::cores))?;
    let device = device::open(args.run.device.as_deref().unwrap_or("cpu"))?;
    let Trained { mut network, config: size, normalization, classes, .. } = model::load(&model, &device)?;
    let name = args.data.clone().unwrap_or_else(|| config.data.name.clone());
    let set = nas_data::load(&name, &images::data_options(&config.data))?;
    fits(&set, &size.input, &classes, &name)?;
    let (on, indices) = choose(set, args, &config, &out)?;
    let batch = config.finish.batch_size.max(64);
    let measured = measure(&mut network, &config.data, &on, &indices, &normalization, batch)?;
    let found = measured.plain;
    if let Some(path) = &args.logits {
        logits::write(path, &mut network, &on, &indices, &normalization, batch)?;
        out.note(&format!("wrote {}", path.display()));
    }
    let split = format!("{:?}", args.split).to_lowercase();
    out.document(&json!({
        "model": folder.path,
        "data": name,
        "split": split,
        "accuracy": found.accuracy,
        "loss": found.loss,
        "correct": found.correct,
        "count": found.count,
        "mirrored": measured.mirrored,
        "batch_norm": "running statistics",
    }));
    let mut lines = vec![
        ("model", folder.path.display().to_string()),
        ("data", format!("{name}, {split} images")),
        ("accuracy", accuracy_of(found)),
    ];
    lines.extend(measured.mirrored.map(mirrored));
    lines.push(("loss", format!("{:.4} nats", found.loss)));
    out.result(&pairs(&lines));
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
