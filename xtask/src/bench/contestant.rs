//! Who is measured, and with which command.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};
use cargo_metadata::Message;

use super::sample::Sample;
use crate::shell;

/// One of those that run in each round.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Contestant {
    /// This project.
    Ours,
    /// This project with activations in bfloat16.
    OursBf16,
    /// PyTorch with its usual layout.
    Contiguous,
    /// PyTorch with channels innermost, which suits its convolutions better.
    ChannelsLast,
    /// PyTorch with channels innermost and a forward pass in bfloat16, where its matrix products are fastest.
    Bf16,
    /// The machine's ceiling of arithmetic: one large matrix product.
    Gemm,
    /// The machine's ceiling of memory: one large copy.
    Copy,
}

impl Contestant {
    /// In the order in which they run. Ours comes first, for it says what kind of case it is.
    pub(crate) const ALL: [Self; 7] =
        [Self::Ours, Self::OursBf16, Self::Contiguous, Self::ChannelsLast, Self::Bf16, Self::Gemm, Self::Copy];

    /// Whether it runs in cases of this kind, with PyTorch or without, in bfloat16 too or not.
    pub(crate) fn takes_part(self, kind: &str, torch: bool, bf16: bool) -> bool {
        match self {
            Self::Ours | Self::Gemm => true,
            Self::Contiguous | Self::ChannelsLast => torch,
            Self::OursBf16 => bf16 && kind == "step",
            Self::Bf16 => bf16 && torch && kind == "step",
            Self::Copy => kind == "operation",
        }
    }

    /// Whether it is PyTorch, in one way or another.
    pub(crate) fn is_pytorch(self) -> bool {
        matches!(self, Self::Contiguous | Self::ChannelsLast | Self::Bf16)
    }

    /// The flags of either side.
    fn flags(self) -> &'static [&'static str] {
        match self {
            Self::OursBf16 => &["--bf16"],
            Self::ChannelsLast => &["--channels-last"],
            Self::Bf16 => &["--channels-last", "--bf16"],
            _ => &[],
        }
    }
}

/// The programs, and what every run of them has in common.
pub(crate) struct Programs {
    /// The benches named `steps`, each with its cases. The first one measures the machine's ceilings too.
    ours: Vec<(PathBuf, Vec<String>)>,
    python: Option<PathBuf>,
    threads: String,
    seconds: String,
}

impl Programs {
    /// Builds the benches. In the release profile and for the whole workspace, so that they share every compiled
    /// dependency with the tests.
    pub(crate) fn build(threads: u32, seconds: f64) -> Result<Self> {
        let arguments = "build --release --workspace --bench steps --message-format json-render-diagnostics";
        let mut command = shell::cargo(arguments);
        // What cargo has to say, progress and errors, goes on to the terminal.
        let output = command.stderr(Stdio::inherit()).output().context("cannot start cargo")?;
        if !output.status.success() {
            bail!("the bench `steps` does not compile");
        }
        let built = Message::parse_stream(output.stdout.as_slice()).filter_map(Result::ok).filter_map(|message| {
            let Message::CompilerArtifact(artifact) = message else { return None };
            let program = artifact.executable.filter(|_| artifact.target.name == "steps")?;
            Some((artifact.target.src_path.into_string(), PathBuf::from(program)))
        });
        // In the order of their sources: that of `nas-nn` comes first, whichever was compiled first.
        let mut built: Vec<_> = built.collect();
        built.sort();
        let mut ours = Vec::new();
        for (_, program) in built {
            let cases = answer(Command::new(&program).arg("--list"))?.lines().map(String::from).collect();
            ours.push((program, cases));
        }
        if ours.is_empty() {
            bail!("cargo built the bench `steps`, but does not say where it is");
        }
        Ok(Self { ours, python: None, threads: threads.to_string(), seconds: seconds.to_string() })
    }

    /// The names of all cases.
    pub(crate) fn list(&self) -> Vec<String> {
        self.ours.iter().flat_map(|(_, cases)| cases.clone()).collect()
    }

    /// The bench that has a case; the first one has the ceilings.
    fn bench_of(&self, case: &str) -> &Path {
        let with = self.ours.iter().find(|(_, cases)| cases.iter().any(|known| known == case));
        &with.unwrap_or(&self.ours[0]).0
    }

    /// Takes this Python for PyTorch's side, if it can import torch.
    pub(crate) fn find_torch(&mut self, python: &Path) -> Result<()> {
        let mut command = Command::new(python);
        answer(command.args(["-c", "import torch"]))?;
        self.python = Some(python.to_owned());
        Ok(())
    }

    /// Whether PyTorch takes part.
    pub(crate) fn has_torch(&self) -> bool {
        self.python.is_some()
    }

    /// Runs one contestant once.
    pub(crate) fn measure(&self, contestant: Contestant, case: &str) -> Result<Sample> {
        let name = match contestant {
            Contestant::Gemm => "gemm",
            Contestant::Copy => "copy",
            _ => case,
        };
        let mut command = match &self.python {
            Some(python) if contestant.is_pytorch() => {
                let mut command = Command::new(python);
                command.arg(shell::root().join("nas-nn/benches/steps/pytorch_step.py"));
                command.args(["--threads", &self.threads]);
                command
            }
            _ => {
                let mut command = Command::new(self.bench_of(name));
                command.env("RAYON_NUM_THREADS", &self.threads);
                command
            }
        };
        let answer = answer(command.args(contestant.flags()).args(["--case", name, "--seconds", &self.seconds]))?;
        Sample::read(&answer).with_context(|| format!("{contestant:?} of `{case}` printed something else than JSON"))
    }
}

/// Runs a command and returns what it printed; of a failure, the last line it printed.
fn answer(command: &mut Command) -> Result<String> {
    let program = command.get_program().to_string_lossy().into_owned();
    let output = command.output().with_context(|| format!("cannot start `{program}`"))?;
    let (said, complaint) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    if !output.status.success() {
        // The last line of a traceback says what went wrong; the others say where.
        let last = |text: &str| text.lines().rfind(|line| !line.trim().is_empty()).map(String::from);
        let reason = last(&complaint).or_else(|| last(&said)).unwrap_or_else(|| "it said nothing".into());
        bail!("`{program}` failed ({}): {reason}", output.status);
    }
    Ok(said.into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_program_is_quoted() {
        let mut command = Command::new("cargo");
        let error = answer(command.arg("no-such-command")).expect_err("cargo has no such command").to_string();
        assert!(error.starts_with("`cargo` failed (exit status: 101): "), "{error}");
        let error = answer(&mut Command::new("no-such-python")).expect_err("there is none").to_string();
        assert_eq!(error, "cannot start `no-such-python`");
    }

    #[test]
    fn each_kind_of_case_has_its_contestants() {
        let part = |kind, torch, bf16| {
            Contestant::ALL.into_iter().filter(|c| c.takes_part(kind, torch, bf16)).collect::<Vec<_>>()
        };
        use Contestant::{Bf16, ChannelsLast, Contiguous, Copy, Gemm, Ours, OursBf16};
        assert_eq!(part("step", true, true), [Ours, OursBf16, Contiguous, ChannelsLast, Bf16, Gemm]);
        assert_eq!(part("step", true, false), [Ours, Contiguous, ChannelsLast, Gemm]);
        assert_eq!(part("evaluate", true, true), [Ours, Contiguous, ChannelsLast, Gemm]);
        assert_eq!(part("operation", true, true), [Ours, Contiguous, ChannelsLast, Gemm, Copy]);
        assert_eq!(part("step", false, true), [Ours, OursBf16, Gemm]);
    }
}
