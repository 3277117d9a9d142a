//! `nas export`: a trained network for other programs, and an architecture in the text forms of its field.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use candle_core::Device;
use nas_nn::checkpoint;
use nas_nn::export::{self, ExportOptions, Pixels, WEIGHTS_FORMAT};
use nas_search::files::write_atomically;
use serde_json::{Value, json};

use super::genotype;
use crate::architecture;
use crate::args::{ExportArgs, Normalize};
use crate::exit::{file, usage};
use crate::folder::Folder;
use crate::model::{self, Trained};
use crate::output::Output;
use crate::output::table::pairs;
use crate::run::MODEL;
use crate::units::{bytes, count};

/// Exports.
pub fn run(args: &ExportArgs) -> anyhow::Result<()> {
    let out = Output::new(args.json, false);
    let to_file = args.onnx.is_some() || args.pytorch.is_some();
    if !to_file && !args.genotype {
        return Err(usage("say what to write: --onnx FILE, --pytorch FILE.py, or --genotype"));
    }
    if !to_file && (args.fold_batch_norm || args.normalize.is_some()) {
        return Err(usage(
            "--fold-batch-norm and --normalize are about a network; add --onnx FILE or --pytorch FILE.py",
        ));
    }
    if let Some(path) = args.pytorch.as_ref().filter(|path| path.extension().is_none_or(|e| e != "py")) {
        return Err(usage(format!("--pytorch {}: the name of a Python file ends in .py", path.display())));
    }
    let mut document = json!({});
    if args.genotype {
        let path = Path::new(&args.model);
        // A model file is an architecture by the file beside it.
        let named = if is_model_file(path) { path.with_file_name(architecture::FILE) } else { path.to_owned() };
        let (blueprint, _) = architecture::resolve(&named.display().to_string())?;
        let forms = genotype::forms(&blueprint)?;
        document["genotype"] =
            forms.iter().map(|(form, text)| ((*form).to_owned(), Value::from(text.as_str()))).collect();
        forms.iter().for_each(|(_, text)| out.result(text));
    }
    if to_file {
        files(args, &out, &mut document)?;
    }
    out.document(&document);
    Ok(())
}

/// Writes the files asked for.
fn files(args: &ExportArgs, out: &Output, document: &mut Value) -> anyhow::Result<()> {
    let trained = model::load(&weights(&args.model)?, &Device::Cpu)?;
    let options = options(args, &trained);
    let mut written: Vec<(&str, PathBuf)> = Vec::new();
    if let Some(path) = &args.onnx {
        write_atomically(path, &export::onnx(&trained.network, &options)?)?;
        written.push(("onnx", path.clone()));
    }
    if let Some(path) = &args.pytorch {
        let weights = path.with_extension("safetensors");
        if weights.canonicalize().is_ok_and(|there| trained.path.canonicalize().is_ok_and(|model| model == there)) {
            return Err(usage(format!(
                "--pytorch {}: its weights would replace the model's own, {}; choose another name",
                path.display(),
                weights.display()
            )));
        }
        let name = weights.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let module = export::pytorch(&trained.network, &options, &name)?;
        let (format, version) = WEIGHTS_FORMAT;
        checkpoint::write(&weights, format, version, &module.tensors, &BTreeMap::new())?;
        write_atomically(path, module.source.as_bytes())?;
        written.extend([("pytorch", path.clone()), ("weights", weights)]);
    }
    let image = trained.config.input;
    let shape = format!("{}x{}x{}", image.channels, image.height, image.width);
    let (reads, pixels) = match options.pixels {
        Pixels::Normalized => ("normalised images", "normalized"),
        Pixels::Unit(_) => ("pixels from 0 to 1", "unit"),
        Pixels::Bytes(_) => ("bytes from 0 to 255", "bytes"),
    };
    document["input"] = json!({ "pixels": pixels, "shape": [image.channels, image.height, image.width] });
    document["normalization"] = json!(trained.normalization);
    document["classes"] = json!(trained.classes);
    document["fold_batch_norm"] = json!(options.fold_batch_norm);
    let mut rows = vec![
        ("reads", format!("{reads}, {shape}, as many at once as you like")),
        ("answers", format!("logits of {} classes", count(trained.classes.len() as u64))),
    ];
    for (kind, path) in &written {
        let size = std::fs::metadata(path).map_or(0, |file| file.len());
        document[*kind] = json!({ "path": path, "bytes": size });
        rows.push((*kind, format!("{}, {}", path.display(), bytes(size))));
    }
    out.result(&pairs(&rows));
    Ok(())
}

/// The weights' file that MODEL names.
fn weights(text: &str) -> anyhow::Result<PathBuf> {
    let path = Path::new(text);
    if is_model_file(path) {
        return Ok(path.to_owned());
    }
    if !path.is_dir() && architecture::resolve(text).is_ok() {
        return Err(usage(format!(
            "{text} is an architecture without weights; `nas train` makes a model of it, or --genotype prints it"
        )));
    }
    if path.is_file() {
        return Err(file(format!("{text} is no model; give the folder of a finished run, or its {MODEL}")));
    }
    model::in_folder(&Folder::at(path))
}

fn is_model_file(path: &Path) -> bool {
    path.is_file() && path.extension().is_some_and(|extension| extension == "safetensors")
}

fn options(args: &ExportArgs, trained: &Trained) -> ExportOptions {
    let normalization = trained.normalization.clone();
    let pixels = match args.normalize {
        None => Pixels::Normalized,
        Some(Normalize::Unit) => Pixels::Unit(normalization),
        Some(Normalize::Bytes) => Pixels::Bytes(normalization),
    };
    let metadata = vec![
        ("architecture".to_owned(), json!(trained.blueprint.text())),
        ("classes".to_owned(), json!(trained.classes)),
        ("normalization".to_owned(), json!(trained.normalization)),
    ];
    ExportOptions { fold_batch_norm: args.fold_batch_norm, pixels, metadata }
}
