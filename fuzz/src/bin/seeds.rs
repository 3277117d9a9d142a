//! Writes the inputs that fuzzing begins with into `corpus/TARGET`, below the folder it is run in.

#[path = "../../../nas-space/tests/it/readers/targets.rs"]
mod targets;

#[cfg(feature = "model")]
#[path = "../model.rs"]
mod model;

use std::{fs, io, path::Path};

fn main() -> io::Result<()> {
    for target in ["genotype", "nasbench201", "text_forms", "architecture_json"] {
        write(target, targets::seeds().into_iter().map(String::into_bytes))?;
    }
    #[cfg(feature = "model")]
    write("model_folder", model::seeds().into_iter())?;
    Ok(())
}

fn write(target: &str, seeds: impl Iterator<Item = Vec<u8>>) -> io::Result<()> {
    let folder = Path::new("corpus").join(target);
    fs::create_dir_all(&folder)?;
    for (number, seed) in seeds.enumerate() {
        fs::write(folder.join(format!("seed{number}")), seed)?;
    }
    Ok(())
}
