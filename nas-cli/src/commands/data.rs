//! `nas data`: the data sets known by name, and what is in one.

use nas_data::{Presence, catalog, describe, known_places};
use serde_json::json;

use crate::args::{DataCommand, DataInfoArgs, ListArgs};
use crate::images;
use crate::output::Output;
use crate::output::table::{Align, pairs, table};
use crate::units::{bytes, count};

/// Lists data sets, or looks into one.
pub fn run(command: &DataCommand) -> anyhow::Result<()> {
    match command {
        DataCommand::List(args) => list(args),
        DataCommand::Info(args) => info(args),
    }
}

fn list(args: &ListArgs) -> anyhow::Result<()> {
    let out = Output::new(args.json, false);
    let entries = catalog();
    let places: Vec<String> = known_places().iter().map(|p| p.display().to_string()).collect();
    out.document(&json!({ "data_sets": entries, "places": places }));
    let head = [
        ("data set", Align::Left),
        ("image", Align::Left),
        ("classes", Align::Right),
        ("train", Align::Right),
        ("test", Align::Right),
        ("here", Align::Left),
        ("", Align::Left),
    ];
    let rows: Vec<Vec<String>> = entries
        .iter()
        .map(|e| {
            let here = match &e.presence {
                Presence::Embedded => "in nas itself".to_owned(),
                Presence::Found(path) => path.display().to_string(),
                Presence::Absent => "no".to_owned(),
            };
            let numbers = [e.classes, e.train, e.test].map(|n| count(n as u64));
            let [classes, train, test] = numbers;
            vec![e.name.into(), shape(&e.shape), classes, train, test, here, e.about.into()]
        })
        .collect();
    out.result("Data sets by name (nas search --data NAME)");
    out.result(&table(&head, &rows));
    out.result(&format!("\nA name is looked for in {}.", places.join(", ")));
    out.result("A folder works too: of images (one sub-folder a class), of IDX files, or of CIFAR's binary files.");
    let absent: Vec<_> = entries.iter().filter(|e| e.presence == Presence::Absent).collect();
    if !absent.is_empty() {
        out.result("\nHow to get those that are not here:");
        let rows: Vec<_> = absent.iter().map(|e| (e.name, e.how_to_get.to_owned())).collect();
        out.result(&pairs(&rows));
    }
    Ok(())
}

fn info(args: &DataInfoArgs) -> anyhow::Result<()> {
    let out = Output::new(args.json, false);
    let set = nas_data::load(
        &args.data,
        &images::load_options(args.images.size, args.images.colour, args.images.image_size),
    )?;
    let about = describe(&set)?;
    out.document(&serde_json::to_value(&about)?);
    let numbers = |values: &[f32]| values.iter().map(|v| format!("{v:.4}")).collect::<Vec<_>>().join(", ");
    out.result(&pairs(&[
        ("data set", about.name.clone()),
        ("image", format!("{} (channels x rows x columns)", shape(&about.shape))),
        ("classes", count(about.classes.len() as u64)),
        ("training images", count(about.train as u64)),
        ("test images", count(about.test as u64)),
        ("pixel mean", numbers(&about.normalization.mean)),
        ("pixel deviation", numbers(&about.normalization.std)),
        ("in memory", bytes(about.bytes as u64)),
    ]));
    let head = [("class", Align::Left), ("train", Align::Right), ("test", Align::Right)];
    let rows: Vec<Vec<String>> =
        about.classes.iter().map(|c| vec![c.name.clone(), count(c.train as u64), count(c.test as u64)]).collect();
    out.result(&table(&head, &rows));
    Ok(())
}

fn shape(shape: &nas_space::ImageShape) -> String {
    format!("{}x{}x{}", shape.channels, shape.height, shape.width)
}
