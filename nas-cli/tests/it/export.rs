//! `nas export`: files that others read, the text forms, and what it says where it cannot.

use std::path::Path;

use crate::nas;

/// A model of a moment's training in the folder `out`.
fn train(folder: &Path) {
    let sizes = ["--channels", "4", "--layers", "3", "--epochs", "1", "--out", "out"];
    nas(folder, &[&["train", "DARTS_V2"], &sizes[..]].concat()).ok();
}

#[test]
fn a_trained_network_leaves_as_onnx_and_as_pytorch() {
    let folder = tempfile::tempdir().unwrap();
    train(folder.path());
    let flags = ["--fold-batch-norm", "--normalize", "bytes", "--json"];
    let files = ["export", "out", "--onnx", "m.onnx", "--pytorch", "m.py", "--genotype"];
    let said = nas(folder.path(), &[&files[..], &flags].concat()).ok().json();
    assert_eq!((&said["input"]["pixels"], &said["input"]["shape"]), (&"bytes".into(), &[1, 8, 8].into()));
    assert_eq!((said["classes"].as_array().unwrap().len(), &said["fold_batch_norm"]), (10, &true.into()));
    assert!(said["genotype"]["darts"].as_str().unwrap().starts_with("Genotype(normal=[("), "{said}");
    for (kind, name) in [("onnx", "m.onnx"), ("pytorch", "m.py"), ("weights", "m.safetensors")] {
        let bytes = std::fs::read(folder.path().join(name)).unwrap();
        assert_eq!((&said[kind]["path"], &said[kind]["bytes"]), (&name.into(), &bytes.len().into()));
    }
    let onnx = std::fs::read(folder.path().join("m.onnx")).unwrap();
    let holds = |text: &str| onnx.windows(text.len()).any(|window| window == text.as_bytes());
    assert!(holds("cells.0.preprocess0.op.1.weight") && holds("normalization") && !holds("BatchNormalization"));
    let python = std::fs::read_to_string(folder.path().join("m.py")).unwrap();
    assert!(python.contains("WEIGHTS = \"m.safetensors\"") && python.contains("bytes from 0 to 255"), "{python}");
    // The model's file does as well as its folder, and gives the same bytes.
    nas(folder.path(), &[&["export", "out/model.safetensors", "--onnx", "n.onnx"], &flags[..]].concat()).ok();
    assert_eq!(std::fs::read(folder.path().join("n.onnx")).unwrap(), onnx);
}

#[test]
fn logits_are_written_for_others_to_compare_with() {
    let folder = tempfile::tempdir().unwrap();
    train(folder.path());
    let said = nas(folder.path(), &["evaluate", "out", "--logits", "l.safetensors", "--json"]).ok().json();
    let bytes = std::fs::read(folder.path().join("l.safetensors")).unwrap();
    let file = candle_core::safetensors::load_buffer(&bytes, &candle_core::Device::Cpu).unwrap();
    let (logits, labels, images) = (&file["logits"], &file["labels"], &file["images"]);
    let count = said["count"].as_u64().unwrap() as usize;
    assert_eq!((logits.dims(), labels.dims(), images.dims()), (&[count, 10][..], &[count][..], &[count, 1, 8, 8][..]));
    let answers = logits.argmax(1).unwrap().to_dtype(candle_core::DType::I64).unwrap();
    let right = answers.eq(labels).unwrap().to_vec1::<u8>().unwrap().iter().filter(|right| **right == 1).count();
    assert_eq!(right as u64, said["correct"].as_u64().unwrap());
    let pixels: Vec<f32> = images.flatten_all().unwrap().to_vec1().unwrap();
    assert!(pixels.iter().all(|pixel| (0.0..=1.0).contains(pixel)) && pixels.contains(&1.0));
}

#[test]
fn genotypes_are_printed_as_others_read_them() {
    let here = Path::new(".");
    let print = |architecture: &str| nas(here, &["export", architecture, "--genotype"]).ok().stdout;
    assert!(print("PC_DARTS_cifar").starts_with("Genotype(normal=[('sep_conv_3x3', 1), ('skip_connect', 0), "));
    let string = "|nor_conv_3x3~0|+|none~0|skip_connect~1|+|none~0|none~1|avg_pool_3x3~2|";
    assert_eq!(print(string), format!("{string}\n"));
    assert_eq!(print("22212220"), "22212220\n");
    let cell = print("001a6fcc8b38cbc515be788a86bdc804");
    let lines: Vec<&str> = cell.lines().collect();
    assert!(lines[0].starts_with("ModelSpec(matrix=[["), "{cell}");
    assert_eq!(lines[1..], ["001a6fcc8b38cbc515be788a86bdc804"]);
}

#[test]
fn what_cannot_be_exported_gets_a_sentence() {
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path();
    let check = |args: &[&str], code: i32, parts: &[&str]| {
        let ran = nas(here, &[&["export"], args].concat());
        assert_eq!((ran.code, ran.stdout.as_str()), (code, ""), "{args:?}: {}", ran.stderr);
        for part in parts {
            assert!(ran.stderr.contains(part), "{args:?} should say {part:?}: {}", ran.stderr);
        }
    };
    check(&["DARTS_V2"], 2, &["say what to write", "--onnx", "--pytorch", "--genotype"]);
    check(&["DARTS_V2", "--genotype", "--fold-batch-norm"], 2, &["--onnx FILE"]);
    check(&["DARTS_V2", "--onnx", "m.onnx"], 2, &["architecture without weights", "nas train"]);
    check(&["nowhere", "--onnx", "m.onnx"], 4, &["no folder nowhere"]);
    check(&["zoph-2: 3x5x24 | 7x1x36 1", "--genotype"], 2, &["zoph-2", "no", "text form"]);
    check(&["DARTS_V2", "--genotype", "--normalize", "grey"], 2, &["unit", "bytes"]);
    std::fs::create_dir(here.join("empty")).unwrap();
    check(&["empty", "--onnx", "m.onnx"], 4, &["empty holds no trained network", "nas resume"]);
    train(here);
    check(&["out", "--pytorch", "m.txt"], 2, &["m.txt", "ends in .py"]);
    check(&["out", "--pytorch", "out/model.py"], 2, &["would replace the model's own", "another name"]);
    check(&["out/arch.json", "--onnx", "m.onnx"], 2, &["architecture without weights"]);
    check(&["out/nas.toml", "--onnx", "m.onnx"], 4, &["no model", "model.safetensors"]);
    let path = here.join("out/model.safetensors");
    let whole = std::fs::read(&path).unwrap();
    std::fs::write(&path, &whole[..whole.len() - 100]).unwrap();
    check(&["out", "--onnx", "m.onnx"], 4, &["model.safetensors", "cut short"]);
}
