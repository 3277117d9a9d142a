//! Round trips to the bit, and a sentence for everything that can be wrong with a file.

use std::fs;

use candle_core::{DType, Device};

use super::*;
use crate::testing::network;

fn bytes_of(tensors: &[(String, Tensor)]) -> Vec<(String, Vec<usize>, Vec<u32>)> {
    let bits = |t: &Tensor| t.flatten_all().unwrap().to_vec1::<f32>().unwrap().into_iter().map(f32::to_bits).collect();
    tensors.iter().map(|(name, t)| (name.clone(), t.dims().to_vec(), bits(t))).collect()
}

/// A model file with a note, and the folder that holds it.
fn saved() -> (tempfile::TempDir, std::path::PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.safetensors");
    save_model(&path, &network(4), &BTreeMap::from([("note".to_owned(), "a \"quoted\" word".to_owned())])).unwrap();
    (folder, path)
}

fn refusal(path: &Path, channels: usize) -> String {
    let mut network = network(channels);
    let before = bytes_of(&tensors_of(&network));
    let message = load_model(path, &mut network).unwrap_err().to_string();
    assert!(bytes_of(&tensors_of(&network)) == before, "a refused file must change nothing");
    assert!(message.contains("model.safetensors"), "{message}");
    message
}

#[test]
fn a_model_comes_back_to_the_bit_and_with_its_metadata() {
    let (_folder, path) = saved();
    let original = network(4);
    let mut other = network(4);
    for (name, tensor) in tensors_of(&original) {
        other.set(&name, &(tensor + 1.0).unwrap()).unwrap();
    }
    let metadata = load_model(&path, &mut other).unwrap();
    assert_eq!(bytes_of(&tensors_of(&other)), bytes_of(&tensors_of(&original)));
    assert_eq!(metadata, BTreeMap::from([("note".to_owned(), "a \"quoted\" word".to_owned())]));
}

#[test]
fn equal_content_gives_equal_bytes_that_candle_reads() {
    let ((_a, first), (_b, second)) = (saved(), saved());
    assert_eq!(fs::read(&first).unwrap(), fs::read(&second).unwrap());
    let read = candle_core::safetensors::load(&first, &Device::Cpu).unwrap();
    for (name, tensor) in tensors_of(&network(4)) {
        assert_eq!(read[&name].dims(), tensor.dims());
    }
}

#[test]
fn types_and_odd_values_survive() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("t.safetensors");
    let cpu = &Device::Cpu;
    let tensors = vec![
        ("empty".to_owned(), Tensor::zeros((0, 3), DType::F32, cpu).unwrap()),
        (
            "f32".to_owned(),
            Tensor::new(&[[-0.0_f32, f32::MIN_POSITIVE / 2.0, f32::INFINITY]], cpu).unwrap().t().unwrap(),
        ),
        ("f64".to_owned(), Tensor::new(&[0.1_f64 + 0.2], cpu).unwrap()),
        ("scalar".to_owned(), Tensor::new(i64::MIN, cpu).unwrap()),
    ];
    write(&path, "test", 3, &tensors, &BTreeMap::new()).unwrap();
    let file = read(&path, "test", 3).unwrap();
    assert_eq!(
        file.tensors.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(),
        ["empty", "f32", "f64", "scalar"]
    );
    for ((_, ours), (_, theirs)) in tensors.iter().zip(&file.tensors) {
        assert_eq!((ours.dims(), ours.dtype()), (theirs.dims(), theirs.dtype()));
    }
    assert_eq!(bytes_of(&tensors[1..2])[0].2, bytes_of(&file.tensors[1..2])[0].2);
    assert_eq!(file.tensors[2].1.to_vec1::<f64>().unwrap(), [0.1 + 0.2]);
    assert_eq!(file.tensors[3].1.to_scalar::<i64>().unwrap(), i64::MIN);
}

#[test]
fn a_file_that_is_not_there_is_named() {
    let (folder, _) = saved();
    let missing = folder.path().join("no/model.safetensors");
    let message = refusal(&missing, 4);
    assert!(message.starts_with("cannot read"), "{message}");
}

#[test]
fn a_file_cut_short_anywhere_is_refused() {
    let (_folder, path) = saved();
    let whole = fs::read(&path).unwrap();
    for length in [0, 5, 8, 100, whole.len() / 2, whole.len() - 1] {
        fs::write(&path, &whole[..length]).unwrap();
        let message = refusal(&path, 4);
        assert!(message.contains("cut short"), "{length}: {message}");
    }
}

#[test]
fn a_file_of_something_else_is_refused() {
    let (_folder, path) = saved();
    fs::write(&path, vec![b'x'; 1000]).unwrap();
    let message = refusal(&path, 4);
    assert!(message.contains("not a whole safetensors file"), "{message}");
}

#[test]
fn a_flipped_bit_is_found_in_tensors_and_metadata() {
    let (_folder, path) = saved();
    let whole = fs::read(&path).unwrap();
    let note = whole.windows(4).position(|w| w == b"word").unwrap();
    for at in [note, whole.len() - 40, whole.len() - 1] {
        let mut bytes = whole.clone();
        bytes[at] ^= 1;
        fs::write(&path, &bytes).unwrap();
        let message = refusal(&path, 4);
        assert!(message.contains("damaged"), "{message}");
    }
}

#[test]
fn formats_and_versions_are_checked() {
    let (_folder, path) = saved();
    write(&path, MODEL_FORMAT, MODEL_VERSION + 1, &tensors_of(&network(4)), &BTreeMap::new()).unwrap();
    let message = refusal(&path, 4);
    assert!(message.contains("version 2") && message.contains("reads up to 1"), "{message}");
    write(&path, "nas-training", 1, &tensors_of(&network(4)), &BTreeMap::new()).unwrap();
    let message = refusal(&path, 4);
    assert!(message.contains("`nas-training` file; a `nas-model` file is needed"), "{message}");
}

#[test]
fn weights_from_elsewhere_are_taken() {
    let (_folder, path) = saved();
    let tensors: BTreeMap<String, Tensor> = tensors_of(&network(4)).into_iter().collect();
    candle_core::safetensors::save(&tensors.into_iter().collect(), &path).unwrap();
    let mut other = network(4);
    assert!(load_model(&path, &mut other).unwrap().is_empty());
    let message = read(&path, "nas-training", 1).unwrap_err().to_string();
    assert!(message.contains("says nothing of its format"), "{message}");
}

#[test]
fn a_tensor_missing_extra_or_of_another_shape_is_named() {
    let (_folder, path) = saved();
    let all = tensors_of(&network(4));
    let save =
        |tensors: &[(String, Tensor)]| write(&path, MODEL_FORMAT, MODEL_VERSION, tensors, &BTreeMap::new()).unwrap();
    let without: Vec<_> = all.iter().filter(|(name, _)| name != "norm.running_var").cloned().collect();
    save(&without);
    let message = refusal(&path, 4);
    assert!(message.contains("`norm.running_var` is missing"), "{message}");
    let mut with = all.clone();
    with.push(("aux.weight".to_owned(), Tensor::zeros(1, DType::F32, &Device::Cpu).unwrap()));
    save(&with);
    let message = refusal(&path, 4);
    assert!(message.contains("`aux.weight` has no place"), "{message}");
    save(&all);
    let message = refusal(&path, 6);
    assert!(message.contains("`stem.weight` has shape [4, 1, 3, 3], the network needs [6, 1, 3, 3]"), "{message}");
}
