//! Binary files, plain or packed with gzip, read exactly as long as they say they are.

use std::fs::File;
use std::io::{BufRead, BufReader, ErrorKind, Read};
use std::path::{Path, PathBuf};

use flate2::bufread::MultiGzDecoder;

use crate::DataError;

/// Gives an input/output error its file.
pub(crate) fn io_error(path: &Path) -> impl FnOnce(std::io::Error) -> DataError {
    let path = path.to_owned();
    move |source| DataError::Io { path, source }
}

/// A file that is read from front to end; gzip is told by its first two bytes, not by the name.
pub(crate) struct RawFile {
    path: PathBuf,
    reader: Box<dyn Read>,
    read: usize,
}

impl RawFile {
    /// Opens a file.
    pub(crate) fn open(path: &Path) -> Result<Self, DataError> {
        let mut file = BufReader::new(File::open(path).map_err(io_error(path))?);
        let packed = file.fill_buf().map_err(io_error(path))?.starts_with(&[0x1f, 0x8b]);
        let reader: Box<dyn Read> = if packed { Box::new(MultiGzDecoder::new(file)) } else { Box::new(file) };
        Ok(Self { path: path.to_owned(), reader, read: 0 })
    }

    /// The next `count` bytes; `what` names them in an error. A count from a broken header costs no memory: the buffer
    /// grows with what is really there.
    pub(crate) fn take(&mut self, count: usize, what: &str) -> Result<Vec<u8>, DataError> {
        let mut bytes = Vec::new();
        let ended = self.reader.by_ref().take(count as u64).read_to_end(&mut bytes);
        let cut_short = |found: String| DataError::CutShort {
            path: self.path.clone(),
            expected: format!("{what}, bytes {} to {}", self.read, self.read.saturating_add(count)),
            found,
        };
        match ended {
            Ok(_) if bytes.len() == count => {}
            Ok(_) => return Err(cut_short(format!("the end after byte {}", self.read + bytes.len()))),
            Err(error) if error.kind() == ErrorKind::UnexpectedEof => {
                return Err(cut_short(format!("a gzip stream that breaks off after byte {}", self.read + bytes.len())));
            }
            Err(error) => return Err(self.broken(error)),
        }
        self.read += count;
        Ok(bytes)
    }

    /// Makes sure that nothing follows.
    pub(crate) fn end(mut self) -> Result<(), DataError> {
        match self.reader.read(&mut [0]) {
            Ok(0) => Ok(()),
            Ok(_) => Err(DataError::Format {
                expected: format!("the end after byte {}", self.read),
                found: "more bytes".into(),
                path: self.path,
            }),
            // The check sum at the end of a gzip file was cut off.
            Err(error) if error.kind() == ErrorKind::UnexpectedEof => Err(DataError::CutShort {
                expected: "the check sum of a gzip stream".into(),
                found: "the end of the file".into(),
                path: self.path,
            }),
            Err(error) => Err(self.broken(error)),
        }
    }

    /// A gzip stream that is not one, or the disk's own error.
    fn broken(&self, error: std::io::Error) -> DataError {
        match error.kind() {
            ErrorKind::InvalidData | ErrorKind::InvalidInput => DataError::Format {
                path: self.path.clone(),
                expected: "an intact gzip stream".into(),
                found: format!("a damaged one ({error})"),
            },
            _ => DataError::Io { path: self.path.clone(), source: error },
        }
    }
}

/// The names in a folder, sorted, without the hidden ones.
pub(crate) fn list(folder: &Path) -> Result<Vec<PathBuf>, DataError> {
    let mut paths = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(io_error(folder))? {
        let entry = entry.map_err(io_error(folder))?;
        if !entry.file_name().as_encoded_bytes().starts_with(b".") {
            paths.push(entry.path());
        }
    }
    paths.sort_unstable();
    Ok(paths)
}
