//! A cell found on small images, taken to a larger network, other classes and large pictures in files.

use std::fs;
use std::path::Path;

use image::{DynamicImage, Rgb, RgbImage};

use crate::{nas, tiny};

const DATA: i32 = 3;
const USAGE: i32 = 2;

/// Three classes of pictures of several sizes and formats, told apart by their colours.
fn photos(root: &Path) {
    for (class, colour) in [("leaf", [20, 160, 30]), ("sky", [40, 90, 220]), ("sun", [240, 200, 20])] {
        fs::create_dir_all(root.join(class)).unwrap();
        for number in 0..10_u8 {
            let (width, height) = (70 + 5 * u32::from(number), 110 - 4 * u32::from(number));
            let pixel =
                |x: u32, y: u32| Rgb(colour.map(|value: u8| value.saturating_add(((x + y) % 16) as u8 + number)));
            let name = format!("{number}.{}", ["png", "jpg", "bmp"][usize::from(number % 3)]);
            DynamicImage::from(RgbImage::from_fn(width, height, pixel)).save(root.join(class).join(name)).unwrap();
        }
    }
}

/// The flags of a training as small as one can be, on pictures of 96 pixels.
fn train<'a>(architecture: &'a str, out: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    let mut args = vec!["train", architecture, "--data", "photos", "--image-size", "96", "--channels", "4"];
    args.extend(["--layers", "4", "--epochs", "2", "--batch-size", "8", "--json", "--out", out]);
    args.extend(more);
    args
}

#[test]
fn a_found_cell_is_taken_to_large_pictures_and_any_number_of_threads_makes_the_same_network() {
    let temporary = tempfile::tempdir().unwrap();
    let folder = temporary.path();
    photos(&folder.join("photos"));
    nas(folder, &tiny(&["--in-process", "--out", "small"])).ok();
    let one = nas(folder, &train("small", "one", &["--stem", "imagenet", "--threads", "1"])).ok().json();
    assert_eq!(one["network"]["classes"], 3);
    assert_eq!((&one["network"]["stem"], &one["network"]["layers"]), (&"imagenet".into(), &4.into()));
    assert_eq!(one["network"]["input"]["height"], 96);
    nas(folder, &train("small/arch.json", "two", &["--stem", "imagenet", "--threads", "2"])).ok();
    let model = |out: &str| fs::read(folder.join(out).join("model.safetensors")).unwrap();
    assert!(model("one") == model("two"), "the threads changed the network");
    let settings = fs::read_to_string(folder.join("one/nas.toml")).unwrap();
    for line in ["image_size = 96", "resized_crop = 0.08", "jitter = 0.4", "flip = true", "label_smoothing = 0.1"] {
        assert!(settings.contains(line), "{line} is not in {settings}");
    }
    // By its folder alone, the network is measured on the same centres of the same pictures.
    let again = nas(folder, &["evaluate", "one", "--json"]).ok().json();
    assert_eq!(again["correct"], one["test"]["correct"]);
    // Training mirrored them, so that each is measured together with its mirror image too.
    assert!(again["mirrored"]["loss"].is_number() && again["mirrored"]["loss"] != again["loss"]);
    assert_eq!(again["mirrored"], one["test_mirrored"]);
}

#[test]
fn a_recipe_for_large_pictures_brings_their_size_and_schedule() {
    let temporary = tempfile::tempdir().unwrap();
    let folder = temporary.path();
    photos(&folder.join("photos"));
    let args =
        ["train", "DARTS_V2", "--data", "photos", "--recipe", "darts-imagenet", "--channels", "4", "--layers", "6"];
    nas(folder, &[&args[..], &["--epochs", "1", "--batch-size", "8", "--out", "run", "-q"]].concat()).ok();
    let settings = fs::read_to_string(folder.join("run/nas.toml")).unwrap();
    let expected = [
        "image_size = 224",
        "schedule = \"exponential:0.97\"",
        "learning_rate = 0.1",
        "weight_decay = 0.00003",
        "auxiliary = true",
        "stem = \"imagenet\"",
        "crop = 0",
    ];
    for line in expected {
        assert!(settings.contains(line), "{line} is not in {settings}");
    }
}

#[test]
fn a_damaged_picture_is_named_and_once_repaired_the_training_goes_on() {
    let temporary = tempfile::tempdir().unwrap();
    let folder = temporary.path();
    photos(&folder.join("photos"));
    // Its head is whole: only decoding it tells.
    let path = folder.join("photos/sky/3.png");
    let whole = fs::read(&path).unwrap();
    fs::write(&path, &whole[..whole.len() - 40]).unwrap();
    let ran = nas(folder, &train("DARTS_V2", "run", &["--stem", "cifar"]));
    assert_eq!(ran.code, DATA, "{}", ran.stderr);
    assert!(
        ran.stderr.contains("3.png cannot be read as an image") && !ran.stderr.contains("panicked"),
        "{}",
        ran.stderr
    );
    fs::write(&path, &whole).unwrap();
    if folder.join("run/nas.toml").exists() {
        nas(folder, &["resume", "run", "--json"]).ok();
    } else {
        nas(folder, &train("DARTS_V2", "run", &["--stem", "cifar"])).ok();
    }
    assert!(folder.join("run/model.safetensors").exists());
}

#[test]
fn pictures_of_several_sizes_and_sizes_that_cannot_be() {
    let temporary = tempfile::tempdir().unwrap();
    let folder = temporary.path();
    photos(&folder.join("photos"));
    let check = |args: &[&str], code: i32, parts: &[&str]| {
        let ran = nas(folder, &[&["train", "DARTS_V2"], args].concat());
        assert_eq!(ran.code, code, "{args:?}: {}", ran.stderr);
        parts
            .iter()
            .for_each(|part| assert!(ran.stderr.contains(part), "{args:?} should say {part:?}: {}", ran.stderr));
    };
    check(&["--data", "photos"], DATA, &["most images are", "`size`", "`image_size`"]);
    check(&["--image-size", "32"], USAGE, &["`image_size` = 32", "`digits`", "leave it out"]);
    check(&["--data", "photos", "--image-size", "32", "--size", "32"], USAGE, &["give one"]);
    check(&["--data", "photos", "--image-size", "32", "--crop", "4"], USAGE, &["`crop_padding` = 4", "cropped once"]);
    check(&["--data", "photos", "--image-size", "32", "--jitter", "1.5"], USAGE, &["`jitter` = 1.5"]);
    assert!(!folder.join("runs").exists(), "a refused command leaves nothing behind");
}

#[test]
fn large_pictures_are_searched_on_too() {
    let temporary = tempfile::tempdir().unwrap();
    let folder = temporary.path();
    photos(&folder.join("photos"));
    let args =
        ["search", "--data", "photos", "--image-size", "32", "--trials", "3", "--channels", "2", "--layers", "3"];
    let more = ["--final-channels", "2", "--final-layers", "3", "--final-epochs", "1", "--trial-epochs", "1", "--json"];
    let metrics = nas(folder, &[&args[..], &more].concat()).ok().json();
    assert_eq!(metrics["data"]["test_images"], 6);
    assert_eq!(metrics["search"]["arms"][0]["complete"], 3);
}
