//! The embedded data set: 1,797 handwritten digits of 8x8 pixels (Alpaydin & Kaynak 1998, UCI, CC BY 4.0; see
//! `data/README.md`), so that a search runs on a fresh machine without a download.

use std::io::Read;

use nas_space::{ImageShape, Seed};

use crate::split::{stratify, subset};
use crate::{DataError, DataSet, Images};

const PACKED: &[u8] = include_bytes!("../data/digits.bin.gz");
const COUNT: usize = 1797;
const SHAPE: ImageShape = ImageShape { channels: 1, height: 8, width: 8 };

/// The test split is the same in every run of every seed, or test accuracies could not be compared. The set comes
/// without one of its own: a fifth of each class is set aside, chosen by this seed (the year the set was published).
const TEST_SEED: u64 = 1998;
const TEST_SHARE: f64 = 0.2;

/// The digits, with the fixed test split.
pub(crate) fn read() -> Result<DataSet, DataError> {
    let mut bytes = Vec::with_capacity(COUNT * 65);
    flate2::read::GzDecoder::new(PACKED).read_to_end(&mut bytes).expect("the embedded file is intact");
    let (labels, pixels) = bytes.split_at(COUNT);
    let images = Images {
        shape: SHAPE,
        // 17 grey levels, 0 to 16, over the whole range of a byte, rounded.
        pixels: pixels.iter().map(|&pixel| ((u32::from(pixel) * 255 + 8) / 16) as u8).collect::<Vec<u8>>().into(),
        labels: labels.iter().map(|&label| label.into()).collect(),
    };
    let classes: Vec<String> = (0..10).map(|digit| digit.to_string()).collect();
    let seed = Seed::new(TEST_SEED).child("digits-test");
    let (train, test) = stratify("test_share", &images.labels, &classes, TEST_SHARE, seed)?;
    Ok(DataSet { name: "digits".into(), classes, train: subset(&images, &train)?, test: subset(&images, &test)? })
}
