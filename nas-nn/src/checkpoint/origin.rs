//! What a checkpoint was made from: training may go on only where all of it is the same.

use nas_data::{Images, Pixels};
use serde_json::Value;

use super::fold;

/// A checksum of images, labels and lists of their numbers; of pictures in files, of their names: a damaged one can be
/// repaired, and the training goes on.
pub fn fingerprint(images: &Images, lists: &[&[u32]]) -> String {
    let start = 0xcbf2_9ce4_8422_2325;
    let mut hash = match &images.pixels {
        Pixels::Memory(pixels) => fold(start, pixels),
        Pixels::Files(pictures) => {
            pictures.names.iter().fold(start, |hash, name| fold(fold(hash, name.as_bytes()), &[0]))
        }
    };
    for words in std::iter::once(&images.labels[..]).chain(lists.iter().copied()) {
        let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
        hash = fold(hash, &bytes);
    }
    format!("{hash:016x}")
}

/// The first place where two descriptions of an origin differ: its path and both values, the first one's first.
pub(super) fn difference(then: &Value, now: &Value) -> Option<(String, String, String)> {
    below("", then, now)
}

fn below(path: &str, then: &Value, now: &Value) -> Option<(String, String, String)> {
    if let (Value::Object(a), Value::Object(b)) = (then, now) {
        let keys = a.keys().chain(b.keys().filter(|key| !a.contains_key(*key)));
        let child = |key: &str| if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") };
        return keys.into_iter().find_map(|key| {
            below(&child(key), a.get(key).unwrap_or(&Value::Null), b.get(key).unwrap_or(&Value::Null))
        });
    }
    (then != now).then(|| (path.to_owned(), then.to_string(), now.to_string()))
}
