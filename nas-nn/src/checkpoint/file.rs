//! One safetensors file: its bytes, its checks.

use std::collections::BTreeMap;
use std::path::Path;

use candle_core::{DType, Device, Tensor};
use safetensors::SafeTensors;
use serde_json::{Map, Value, json};

use crate::NnError;

const FORMAT: &str = "format";
const VERSION: &str = "version";
const CHECKSUM: &str = "checksum";

/// The content of a file.
#[derive(Clone, Debug)]
pub struct TensorFile {
    /// The tensors, sorted by name, on the CPU.
    pub tensors: Vec<(String, Tensor)>,
    /// The metadata, without `format`, `version` and `checksum`.
    pub metadata: BTreeMap<String, String>,
}

/// Writes tensors as a safetensors file, as one indivisible step. Equal content gives equal bytes.
///
/// # Errors
/// If a tensor is of a type the format does not know, or the file cannot be written.
pub fn write(
    path: &Path,
    format: &str,
    version: u32,
    tensors: &[(String, Tensor)],
    extra: &BTreeMap<String, String>,
) -> Result<(), NnError> {
    let bytes = encode(format, version, tensors, extra)?;
    nas_search::files::write_atomically(path, &bytes)?;
    Ok(())
}

/// The bytes of a file. The `safetensors` crate takes its metadata as a hash map, whose order (and so the file's bytes)
/// would differ from run to run; the format itself is a length, a JSON header and the data.
fn encode(
    format: &str,
    version: u32,
    tensors: &[(String, Tensor)],
    extra: &BTreeMap<String, String>,
) -> Result<Vec<u8>, NnError> {
    // The largest elements first, so that all of them lie at multiples of their size.
    let mut order: Vec<&(String, Tensor)> = tensors.iter().collect();
    order.sort_by(|a, b| b.1.dtype().size_in_bytes().cmp(&a.1.dtype().size_in_bytes()).then_with(|| a.0.cmp(&b.0)));
    let mut data = Vec::new();
    let mut entries = Map::new();
    for (name, tensor) in order {
        let begin = data.len();
        let dtype = append(tensor, &mut data)?;
        entries
            .insert(name.clone(), json!({"dtype": dtype, "shape": tensor.dims(), "data_offsets": [begin, data.len()]}));
    }
    let mut metadata = Map::new();
    metadata.insert(FORMAT.to_owned(), format.into());
    metadata.insert(VERSION.to_owned(), version.to_string().into());
    metadata.insert(CHECKSUM.to_owned(), checksum(extra, &data).into());
    metadata.extend(extra.iter().map(|(key, value)| (key.clone(), Value::from(value.as_str()))));
    let mut header = Map::new();
    header.insert("__metadata__".to_owned(), Value::Object(metadata));
    header.extend(entries);
    let mut header = Value::Object(header).to_string().into_bytes();
    header.resize(header.len().next_multiple_of(8), b' ');
    let mut bytes = Vec::with_capacity(8 + header.len() + data.len());
    bytes.extend_from_slice(&(header.len() as u64).to_le_bytes());
    bytes.extend_from_slice(&header);
    bytes.extend_from_slice(&data);
    Ok(bytes)
}

/// Appends a tensor's values in little-endian order and names their type as safetensors does.
fn append(tensor: &Tensor, data: &mut Vec<u8>) -> Result<&'static str, NnError> {
    let flat = tensor.to_device(&Device::Cpu)?.flatten_all()?;
    match flat.dtype() {
        DType::F32 => {
            flat.to_vec1::<f32>()?.iter().for_each(|v| data.extend_from_slice(&v.to_le_bytes()));
            Ok("F32")
        }
        DType::F64 => {
            flat.to_vec1::<f64>()?.iter().for_each(|v| data.extend_from_slice(&v.to_le_bytes()));
            Ok("F64")
        }
        DType::I64 => {
            flat.to_vec1::<i64>()?.iter().for_each(|v| data.extend_from_slice(&v.to_le_bytes()));
            Ok("I64")
        }
        other => {
            let reason = format!("tensors of type {other:?} cannot be saved, only F32, F64 and I64");
            Err(NnError::Candle(candle_core::Error::Msg(reason)))
        }
    }
}

/// The checksum of metadata (ours left out) and tensors.
fn checksum(extra: &BTreeMap<String, String>, data: &[u8]) -> String {
    let mut hash = fold(0xcbf2_9ce4_8422_2325, data);
    for (key, value) in extra {
        hash = fold(fold(hash, key.as_bytes()), value.as_bytes());
    }
    format!("{hash:016x}")
}

/// FNV-1a over little-endian words, the length mixed in. It finds damage, not malice.
pub(crate) fn fold(hash: u64, bytes: &[u8]) -> u64 {
    let mut hash = hash ^ bytes.len() as u64;
    for chunk in bytes.chunks(8) {
        let mut word = [0; 8];
        word[..chunk.len()].copy_from_slice(chunk);
        // The rotation carries the high bits down, which the multiplication alone would leave where they are.
        hash = (hash ^ u64::from_le_bytes(word)).wrapping_mul(0x0000_0100_0000_01b3).rotate_left(29);
    }
    hash
}

/// Reads a file of a format, up to a version.
///
/// # Errors
/// Says which file, and whether it cannot be read, is no safetensors file, is of another format, newer than `newest`,
/// cut short, or damaged.
pub fn read(path: &Path, format: &str, newest: u32) -> Result<TensorFile, NnError> {
    let bytes =
        std::fs::read(path).map_err(|source| NnError::Io { what: "cannot read", path: path.to_owned(), source })?;
    let fail = |reason: String| NnError::file(path, reason);
    let file = parse(&bytes).map_err(fail)?;
    let (header, metadata) = SafeTensors::read_metadata(&bytes).map_err(|e| fail(e.to_string()))?;
    let mut metadata: BTreeMap<String, String> = metadata.metadata().iter().flatten().map(own).collect();
    check(&mut metadata, format, newest, &bytes[8 + header..]).map_err(fail)?;
    let mut tensors = Vec::with_capacity(file.len());
    for (name, view) in file.iter() {
        let dtype = DType::try_from(view.dtype())
            .map_err(|e| fail(format!("the tensor `{name}` is of a type that cannot be read: {e}")))?;
        tensors.push((name.to_owned(), Tensor::from_raw_buffer(view.data(), dtype, view.shape(), &Device::Cpu)?));
    }
    tensors.sort_by(|a, b| a.0.cmp(&b.0));
    Ok(TensorFile { tensors, metadata })
}

fn own((key, value): (&String, &String)) -> (String, String) {
    (key.clone(), value.clone())
}

/// The tensors of a file's bytes, or a sentence about what is wrong with them.
fn parse(bytes: &[u8]) -> Result<SafeTensors<'_>, String> {
    use safetensors::SafeTensorError as E;
    SafeTensors::deserialize(bytes).map_err(|error| match error {
        E::HeaderTooSmall | E::InvalidHeaderLength | E::MetadataIncompleteBuffer => format!(
            "the file is cut short, or has bytes too many, at a length of {} bytes; copy or make it again",
            bytes.len()
        ),
        other => format!("this is not a whole safetensors file ({other}); copy or make it again"),
    })
}

/// Checks and removes the keys that are ours. A file without `format` comes from elsewhere and has nothing to check.
fn check(metadata: &mut BTreeMap<String, String>, format: &str, newest: u32, data: &[u8]) -> Result<(), String> {
    let Some(version) = metadata.get(VERSION).cloned().filter(|_| metadata.contains_key(FORMAT)) else {
        return if format == super::MODEL_FORMAT {
            Ok(())
        } else {
            Err(format!("this file says nothing of its format; a `{format}` file is needed here"))
        };
    };
    let found = metadata.remove(FORMAT).unwrap_or_default();
    metadata.remove(VERSION);
    if found != format {
        return Err(format!("this is a `{found}` file; a `{format}` file is needed here"));
    }
    match version.parse::<u32>() {
        Ok(version) if version <= newest => {}
        Ok(version) => {
            return Err(format!(
                "it has version {version} of `{format}`, this program reads up to {newest}; a newer nas reads it"
            ));
        }
        Err(_) => return Err(format!("its version `{version}` is not a number; copy or make the file again")),
    }
    match metadata.remove(CHECKSUM) {
        Some(expected) if expected == checksum(metadata, data) => Ok(()),
        _ => Err("its content is damaged: the checksum differs; copy or make the file again".to_owned()),
    }
}
