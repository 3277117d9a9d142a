//! nas-data from outside: files in, batches out.

mod batch;
mod cifar;
mod fashion;
mod folder;
mod idx;
mod pictures;
mod split;

use std::path::Path;

use nas_data::{DataError, DataSet, LoadOptions, load};

/// Loads a folder with the default options.
fn load_path(path: &Path) -> Result<DataSet, DataError> {
    load(path.to_str().expect("temporary folders have plain names"), &LoadOptions::default())
}

/// That an error's message has all the parts.
#[track_caller]
fn check_error<T>(result: Result<T, DataError>, parts: &[&str]) {
    let Err(error) = result else { panic!("expected an error with {parts:?}") };
    let message = error.to_string();
    for part in parts {
        assert!(message.contains(part), "`{message}` lacks `{part}`");
    }
}
