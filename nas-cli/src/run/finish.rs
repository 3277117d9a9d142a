//! The final training: the winner, made larger, trained to the end; then the one look at the test images.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use candle_core::DType;
use nas_nn::trainer::{Ended, EpochReport, RunOptions, TrainData, TrainEvent, TrainReport};
use nas_nn::{Network, Trainer, checkpoint};
use nas_space::{Blueprint, NetworkConfig, Seed};
use std::sync::Arc;

use super::Run;
use super::clock::Clock;
use crate::measured::{Measured, measure};
use crate::output::progress::Progress;
use crate::plan::Size;
use crate::units::{percent, plural, seconds};
use crate::{generated, recipe, signal};

/// How long a training may go unsaved.
const SAVE_EVERY: Duration = Duration::from_secs(20);

/// A trained network, measured.
pub struct Finish {
    /// Its size.
    pub network: NetworkConfig,
    /// Its learned parameters, auxiliary head included.
    pub parameters: usize,
    /// Its multiply-adds for one image.
    pub flops: u64,
    /// Its training.
    pub report: TrainReport,
    /// On the test images.
    pub test: Measured,
    /// Seconds of all sessions.
    pub seconds: f64,
}

/// Trains, or goes on from the checkpoint, writes the model and measures it on the test images.
pub fn finish(
    run: &Run,
    blueprint: &Blueprint,
    deadline: Option<Instant>,
    mut clock: Clock<'_>,
) -> anyhow::Result<Finish> {
    let config = &run.config;
    let network_config = recipe::final_network(config, &run.data);
    let graph = blueprint.lower(&network_config)?;
    let (parameters, flops) = (graph.parameters(), graph.flops());
    let (train, validation) = run.data.final_images(config)?;
    let size = Size { channels: network_config.channels, layers: recipe::layers(blueprint, &network_config) };
    announce(run, size, parameters, train.len(), validation.len());
    let seed = Seed::new(config.seed).child("final");
    let mut network = Network::init(graph, seed.child("init"), DType::F32, &run.device)?;
    if let Some(weights) = &config.finish.init {
        generated::begin(weights, &mut network, seed)?;
    }
    let data = TrainData {
        images: Arc::clone(&run.data.images),
        train,
        validation: (!validation.is_empty()).then_some(validation),
        normalization: run.data.normalization.clone(),
    };
    let mut trainer = Trainer::new(network, data, recipe::final_training(config), seed.child("train"))?;
    let saved = run.folder.checkpoint();
    if saved.exists() {
        trainer.restore(&saved)?;
        run.out.note(&format!("going on after {}", plural(trainer.epochs_finished() as u64, "epoch")));
    }
    let mut series = run.board().series("training", trainer.epochs_finished() as u64);
    trainer.history().iter().for_each(|report| series.epoch(report));
    let options = RunOptions { checkpoint: Some(&saved), checkpoint_every: SAVE_EVERY, deadline };
    let mut progress = Progress::new(run.out, 1000, "training, ‰");
    progress.start_at(0);
    let mut fraction = None;
    let report = trainer.run(&options, &mut |event| {
        match event {
            TrainEvent::Step(step) => {
                let done = (step.fraction() * 1000.0) as u64;
                if fraction.is_none() {
                    progress.start_at(done);
                }
                fraction = Some(done);
                progress.set(done);
                progress.status(&format!(
                    "epoch {}/{}, step {}/{}, loss {:.3}, {} right",
                    step.epoch,
                    step.epochs,
                    step.step,
                    step.steps,
                    step.loss,
                    percent(step.accuracy)
                ));
            }
            TrainEvent::Epoch { report, seconds } => {
                series.epoch(*report);
                progress.line(&epoch_line(report, *seconds));
                clock.note();
            }
            _ => {}
        }
        clock.note_now_and_then();
        !signal::is_raised(&run.stop) && !clock.has_failed()
    });
    progress.finish();
    let report = report?;
    clock.keep()?;
    if report.ended == Ended::Interrupted {
        return Err(run.interrupted());
    }
    let mut network = trainer.into_network();
    let extra = metadata(run, blueprint)?;
    checkpoint::save_model(&run.folder.file(super::results::MODEL), &network, &extra)?;
    run.out.note("measuring on the test images, once");
    let indices = Arc::new((0..).take(run.data.test.len()).collect());
    let (batch, normalization) = (config.finish.batch_size, &run.data.normalization);
    let test = measure(&mut network, &config.data, &run.data.test, &indices, normalization, batch)?;
    Ok(Finish { network: network_config, parameters, flops, report, test, seconds: clock.used() })
}

fn announce(run: &Run, network: Size, parameters: usize, train: usize, validation: usize) {
    let on = if validation == 0 {
        format!("all {}, validation included", plural(train as u64, "training image"))
    } else {
        let held_out = plural(validation as u64, "validation image");
        format!("{}, {held_out} held out", plural(train as u64, "training image"))
    };
    run.out.note(&format!(
        "\nfinal training: {} channels, {} cells, {} parameters, {}, on {on}",
        network.channels,
        network.layers,
        crate::units::count(parameters as u64),
        plural(run.config.finish.epochs as u64, "epoch"),
    ));
}

fn epoch_line(report: &EpochReport, took: f64) -> String {
    let validation = report.validation.map_or(String::new(), |v| format!(", validation {}", percent(v.accuracy)));
    format!(
        "    epoch {:>3}/{}  loss {:.4}, training {}{validation}, rate {:.5}, {}",
        report.epoch,
        report.epochs,
        report.train_loss,
        percent(report.train_accuracy),
        report.learning_rate,
        seconds(took)
    )
}

/// What a model file says about itself, so that the file alone can be used.
fn metadata(run: &Run, blueprint: &Blueprint) -> anyhow::Result<BTreeMap<String, String>> {
    Ok(BTreeMap::from([
        ("architecture".to_owned(), blueprint.text()),
        ("classes".to_owned(), serde_json::to_string(&run.data.classes)?),
        ("normalization".to_owned(), serde_json::to_string(&run.data.normalization)?),
    ]))
}
