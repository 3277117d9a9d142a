//! Checkpoints of what goes on for long: when to write one, and whether one found belongs to what is to go on.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::time::{Duration, Instant};

use candle_core::Tensor;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::origin::difference;
use super::{read, write};
use crate::NnError;

/// Metadata keys.
const ORIGIN: &str = "origin";
const STANDING: &str = "standing";

/// What a kind of checkpoint is called: its `format`, its version, and what it is one of in a sentence, such as
/// `training`.
#[derive(Clone, Copy, Debug)]
pub struct Kind {
    /// The file's `format`.
    pub format: &'static str,
    /// The newest version that is written and read.
    pub version: u32,
    /// What goes on, as a noun.
    pub what: &'static str,
}

/// When and where to save.
pub struct SaveClock<'a> {
    path: Option<&'a Path>,
    every: Duration,
    last: Instant,
    /// What it all was made from, computed once: it covers all pixels.
    origin: Option<String>,
}

impl<'a> SaveClock<'a> {
    /// A clock that starts now. Without a path nothing is ever due.
    pub fn new(path: Option<&'a Path>, every: Duration) -> Self {
        Self { path, every, last: Instant::now(), origin: None }
    }

    /// Whether it went unsaved for long enough.
    pub fn is_due(&self) -> bool {
        self.path.is_some() && self.last.elapsed() >= self.every
    }

    /// Saves, if there is a place for it: what it was made from, where it stands, and its tensors.
    ///
    /// # Errors
    /// Those of `tensors`, or if the file cannot be written.
    pub fn save<E: From<NnError>>(
        &mut self,
        kind: Kind,
        origin: impl FnOnce() -> Value,
        standing: &impl Serialize,
        tensors: impl FnOnce() -> Result<Vec<(String, Tensor)>, E>,
    ) -> Result<(), E> {
        let Some(path) = self.path else { return Ok(()) };
        let origin = self.origin.get_or_insert_with(|| origin().to_string()).clone();
        let standing = serde_json::to_string(standing).expect("reports and numbers have a JSON form");
        let metadata = BTreeMap::from([(ORIGIN.to_owned(), origin), (STANDING.to_owned(), standing)]);
        write(path, kind.format, kind.version, &tensors()?, &metadata)?;
        self.last = Instant::now();
        Ok(())
    }
}

/// Where something stood that was made from `origin`, and its tensors.
///
/// # Errors
/// If the file cannot be read, is of another kind, or was made from something else.
pub fn resume<T: DeserializeOwned>(
    path: &Path,
    kind: Kind,
    origin: &Value,
) -> Result<(T, Vec<(String, Tensor)>), NnError> {
    let file = read(path, kind.format, kind.version)?;
    let what = kind.what;
    let unreadable = |key: &str, error: serde_json::Error| {
        NnError::file(path, format!("its `{key}` cannot be read ({error}); start the {what} again"))
    };
    let json = |key: &str| -> Result<Value, NnError> {
        let text = file.metadata.get(key).map_or("", String::as_str);
        serde_json::from_str(text).map_err(|error| unreadable(key, error))
    };
    if let Some((key, then, now)) = difference(&json(ORIGIN)?, origin) {
        let reason =
            format!("it is of another {what}: there `{key}` is {then}, here {now}; use the same, or start again");
        return Err(NnError::file(path, reason));
    }
    let standing = serde_json::from_value(json(STANDING)?).map_err(|error| unreadable(STANDING, error))?;
    Ok((standing, file.tensors))
}

/// The most bytes of a file's head that are read for [`standing`].
const LONGEST_HEAD: u64 = 256 << 20;

/// Where a checkpoint stands, as it was saved, for whoever only watches: read from the file's head, without its tensors and
/// unchecked against them.
///
/// # Errors
/// If the file cannot be read, or says nothing of where it stands.
pub fn standing(path: &Path) -> Result<Value, NnError> {
    let unreadable = |source| NnError::Io { what: "cannot read", path: path.to_owned(), source };
    let mut file = File::open(path).map_err(unreadable)?;
    let mut length = [0; 8];
    file.read_exact(&mut length).map_err(unreadable)?;
    let mut head = Vec::new();
    // A damaged length must not ask for more memory than there is.
    file.take(u64::from_le_bytes(length).min(LONGEST_HEAD)).read_to_end(&mut head).map_err(unreadable)?;
    let head: Value = serde_json::from_slice(&head).unwrap_or_default();
    let standing = head["__metadata__"][STANDING].as_str().and_then(|text| serde_json::from_str(text).ok());
    standing.ok_or_else(|| NnError::file(path, "this file does not say where something stands"))
}

#[cfg(test)]
mod tests {
    use candle_core::Device;
    use serde_json::json;

    use super::*;

    const KIND: Kind = Kind { format: "nas-test", version: 1, what: "test" };

    #[test]
    fn where_a_checkpoint_stands_can_be_read_from_its_head() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.safetensors");
        let standing_now = json!({ "epoch": 3, "history": [0.25, 1e-9] });
        let tensors =
            || Ok::<_, NnError>(vec![("a".to_owned(), Tensor::zeros(4, candle_core::DType::F32, &Device::Cpu)?)]);
        SaveClock::new(Some(&path), Duration::ZERO).save(KIND, || json!({}), &standing_now, tensors).unwrap();
        assert_eq!(standing(&path).unwrap(), standing_now);
        let whole = std::fs::read(&path).unwrap();
        let check = |bytes: &[u8], part: &str| {
            std::fs::write(&path, bytes).unwrap();
            let message = standing(&path).unwrap_err().to_string();
            assert!(message.contains("a.safetensors") && message.contains(part), "{message}");
        };
        check(&whole[..40], "does not say");
        check(&whole[..4], "cannot read");
        check(&[0xff; 64], "does not say");
    }
}
