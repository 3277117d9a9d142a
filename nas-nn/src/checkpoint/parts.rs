//! The parts of a run in one file: the names of each part's tensors begin alike.

use std::path::Path;

use candle_core::Tensor;

use super::Kind;
use crate::NnError;

/// The tensors of a part, named so that [`take_apart`] finds them.
pub fn part(prefix: &str, tensors: Vec<(String, Tensor)>) -> impl Iterator<Item = (String, Tensor)> {
    tensors.into_iter().map(move |(name, tensor)| (format!("{prefix}{name}"), tensor))
}

/// The tensors of a file by the prefixes of their names, which are taken off.
///
/// # Errors
/// If a name begins with none of them.
pub fn take_apart<const N: usize>(
    path: &Path,
    kind: Kind,
    tensors: Vec<(String, Tensor)>,
    prefixes: [&str; N],
) -> Result<[Vec<(String, Tensor)>; N], NnError> {
    let mut parts = [const { Vec::new() }; N];
    for (name, tensor) in tensors {
        let found = prefixes.iter().zip(&mut parts).find_map(|(prefix, part)| Some((name.strip_prefix(prefix)?, part)));
        let Some((own, part)) = found else {
            return Err(NnError::file(path, format!("the tensor `{name}` belongs to no part of a {}", kind.what)));
        };
        part.push((own.to_owned(), tensor));
    }
    Ok(parts)
}

#[cfg(test)]
mod tests {
    use candle_core::Device;

    use super::*;

    #[test]
    fn parts_are_found_again_and_strangers_named() {
        let kind = Kind { format: "nas-test", version: 1, what: "search" };
        let tensor = |name: &str| vec![(name.to_owned(), Tensor::new(1f32, &Device::Cpu).unwrap())];
        let all: Vec<_> = part("model.", tensor("a.weight")).chain(part("sgd.", tensor("a"))).collect();
        let names = |part: &[(String, Tensor)]| part.iter().map(|(name, _)| name.clone()).collect::<Vec<_>>();
        let [sgd, model] = take_apart(Path::new("run"), kind, all.clone(), ["sgd.", "model."]).unwrap();
        assert_eq!((names(&sgd), names(&model)), (vec!["a".to_owned()], vec!["a.weight".to_owned()]));
        let error = take_apart(Path::new("run"), kind, all, ["model."]).unwrap_err().to_string();
        assert!(error.contains("the tensor `sgd.a` belongs to no part of a search"), "{error}");
    }
}
