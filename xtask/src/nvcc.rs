//! A stand-in for nvcc: it answers what candle's build scripts ask of the CUDA compiler, with outputs that hold nothing.
//!
//! Enough to type-check code that uses CUDA on a machine without it; what it writes cannot run and must never be linked.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

/// The CUDA release it claims to be; candle's bindings choose their declarations by it.
const RELEASE: &str = "13.0";

/// Whether this program was started under the compiler's name.
pub(crate) fn was_called() -> bool {
    std::env::args_os().next().is_some_and(|program| Path::new(&program).file_stem().is_some_and(|name| name == "nvcc"))
}

/// What a call asks for.
#[derive(Debug, PartialEq, Eq)]
enum Call {
    /// `--version`; the release is read from the fourth line.
    Version,
    /// `--list-gpu-code`.
    GpuCodes,
    /// Write these files.
    Write(Vec<(PathBuf, &'static str)>),
}

/// Does what a call to nvcc with these arguments asks for.
pub(crate) fn answer(arguments: impl Iterator<Item = String>) -> Result<()> {
    match read(arguments)? {
        Call::Version => {
            println!("nvcc: the stand-in of cargo xtask\nIt compiles nothing.\n");
            println!("Cuda compilation tools, release {RELEASE}, V{RELEASE}.0");
        }
        Call::GpuCodes => println!("sm_80\nsm_90"),
        Call::Write(files) => {
            for (path, content) in files {
                fs::write(&path, content).with_context(|| format!("cannot write {}", path.display()))?;
            }
        }
    }
    Ok(())
}

/// Reads the arguments; those that only tune the compiler are passed over.
fn read(mut arguments: impl Iterator<Item = String>) -> Result<Call> {
    const PTX: &str = ".version 9.0\n.target sm_80\n.address_size 64\n";
    const NO_MEMBERS: &str = "!<arch>\n";
    let (mut content, mut extension, mut output, mut folder, mut sources) = (None, "", None, None, Vec::new());
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--version" => return Ok(Call::Version),
            "--list-gpu-code" => return Ok(Call::GpuCodes),
            "--ptx" => (content, extension) = (Some(PTX), "ptx"),
            "-c" => (content, extension) = (Some(""), "o"),
            "--lib" => (content, extension) = (Some(NO_MEMBERS), "a"),
            "-o" => output = arguments.next().map(PathBuf::from),
            "--output-directory" => folder = arguments.next().map(PathBuf::from),
            source if source.ends_with(".cu") => sources.push(PathBuf::from(source)),
            _ => {}
        }
    }
    let Some(content) = content else { bail!("the stand-in for nvcc knows --ptx, -c and --lib; the call has none") };
    let named = |source: &PathBuf| {
        let file = PathBuf::from(source.with_extension(extension).file_name()?);
        Some(folder.as_ref().map_or(file.clone(), |folder| folder.join(&file)))
    };
    let paths: Vec<PathBuf> = match output {
        Some(path) => vec![path],
        None => sources.iter().filter_map(named).collect(),
    };
    if paths.is_empty() {
        bail!("the stand-in for nvcc was told neither an output nor a source");
    }
    Ok(Call::Write(paths.into_iter().map(|path| (path, content)).collect()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Checks a command line against the paths written and the sizes of what is written.
    fn check(line: &str, expect: &[(&str, usize)]) {
        let Call::Write(files) = read(line.split(' ').map(String::from)).expect("a call that is known") else {
            panic!("`{line}` writes nothing");
        };
        let found: Vec<(&str, usize)> = files.iter().map(|(p, c)| (p.to_str().unwrap_or(""), c.len())).collect();
        assert_eq!(found, expect, "{line}");
    }

    #[test]
    fn each_kind_of_output_is_named_as_nvcc_would() {
        check("-arch=sm_90 --ptx --default-stream per-thread --output-directory out src/a.cu", &[("out/a.ptx", 44)]);
        check("-c -o out/a-1f.o --default-stream per-thread -O3 src/a.cu", &[("out/a-1f.o", 0)]);
        check("--lib -o libmoe.a a.o b.o", &[("libmoe.a", 8)]);
        check("--ptx src/a.cu src/b.cu", &[("a.ptx", 44), ("b.ptx", 44)]);
    }

    #[test]
    fn questions_come_before_everything_else() {
        assert_eq!(read(["--version".into()].into_iter()).expect("it is known"), Call::Version);
        assert_eq!(read(["--list-gpu-code".into()].into_iter()).expect("it is known"), Call::GpuCodes);
    }

    #[test]
    fn a_call_that_is_not_understood_is_an_error() {
        for line in ["a.cu", "--ptx"] {
            assert!(read([line.to_owned()].into_iter()).is_err(), "{line}");
        }
    }
}
