//! What the rounds of a case come to, and the file that keeps it.

use std::fs::{self, File};
use std::io::Write;
use std::path::Path;

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};

use super::contestant::Contestant;
use super::sample::{Sample, median};

/// The outcome of one case. Times and counts of a chain are those of one of its copies.
pub(crate) struct Outcome {
    pub(crate) name: String,
    /// `step`, `evaluate` or `operation`.
    pub(crate) kind: String,
    pub(crate) threads: u64,
    pub(crate) parameters: u64,
    /// Of one forward pass.
    pub(crate) multiply_adds: f64,
    pub(crate) seconds: f64,
    /// The median of each round's process.
    pub(crate) rounds: Vec<f64>,
    /// The fastest repeat of all rounds: what a disturbed machine leaves nearest to the truth.
    pub(crate) fastest: Option<f64>,
    pub(crate) peak_bytes: Option<u64>,
    /// Ours with activations in bf16.
    pub(crate) half: Option<f64>,
    pub(crate) half_peak_bytes: Option<u64>,
    /// PyTorch at its faster layout.
    pub(crate) pytorch: Option<PyTorch>,
    pub(crate) contiguous: Option<f64>,
    pub(crate) channels_last: Option<f64>,
    pub(crate) bf16: Option<f64>,
    /// Billions of floating-point operations a second; `None` where an operation has no multiply-adds.
    pub(crate) gflops: Option<f64>,
    pub(crate) ceiling_gflops: Option<f64>,
    pub(crate) bytes_moved: Option<f64>,
    pub(crate) ceiling_bytes_per_second: Option<f64>,
}

/// PyTorch's side of an outcome.
pub(crate) struct PyTorch {
    pub(crate) version: String,
    pub(crate) layout: &'static str,
    pub(crate) seconds: f64,
    pub(crate) rounds: Vec<f64>,
    /// The fastest repeat of all rounds, in either layout.
    pub(crate) fastest: Option<f64>,
    pub(crate) peak_bytes: Option<u64>,
    /// The peak once torch was imported, before there was a network.
    pub(crate) imported_bytes: Option<u64>,
}

impl Outcome {
    /// Takes the medians of all samples of a case.
    pub(crate) fn new(name: &str, samples: &[(Contestant, Sample)]) -> Result<Self> {
        let of = |who: Contestant| samples.iter().filter(move |(c, _)| *c == who).map(|(_, sample)| sample);
        let ours = of(Contestant::Ours).next().context("ours was not measured")?;
        let copies = ours.count("copies").unwrap_or(1) as f64;
        let parameters = ours.count("parameters").unwrap_or(0);
        if let Some((who, other)) =
            samples.iter().find(|(c, s)| c.is_pytorch() && s.count("parameters") != Some(parameters))
        {
            let theirs = other.count("parameters").unwrap_or(0);
            bail!("not the same network: ours has {parameters} parameters, PyTorch's ({who:?}) {theirs}");
        }
        let rounds = |who| of(who).filter_map(|s| Some(s.seconds()? / copies)).collect::<Vec<f64>>();
        let seconds = |who| median(rounds(who));
        let fastest = |who| of(who).filter_map(|s| Some(s.fastest()? / copies)).min_by(f64::total_cmp);
        let most = |who, key| of(who).filter_map(|s| s.count(key)).max();
        let rate = |who, key| Some(of(who).next()?.count(key)? as f64 / (seconds(who)? * copies));
        let best = [(Contestant::Contiguous, "contiguous"), (Contestant::ChannelsLast, "channels_last")]
            .into_iter()
            .filter_map(|(who, layout)| Some((seconds(who)?, who, layout)))
            .min_by(|a, b| a.0.total_cmp(&b.0));
        Ok(Self {
            name: name.to_owned(),
            kind: ours.kind().to_owned(),
            threads: ours.count("threads").unwrap_or(0),
            parameters,
            multiply_adds: ours.count("multiply_adds").unwrap_or(0) as f64 / copies,
            seconds: seconds(Contestant::Ours).context("ours was not measured")?,
            rounds: rounds(Contestant::Ours),
            fastest: fastest(Contestant::Ours),
            peak_bytes: most(Contestant::Ours, "peak_bytes"),
            half: seconds(Contestant::OursBf16),
            half_peak_bytes: most(Contestant::OursBf16, "peak_bytes"),
            pytorch: best.map(|(seconds, who, layout)| PyTorch {
                version: of(who).next().map_or("", |sample| sample.text("torch")).to_owned(),
                layout,
                seconds,
                rounds: rounds(who),
                fastest: [Contestant::Contiguous, Contestant::ChannelsLast]
                    .into_iter()
                    .filter_map(fastest)
                    .min_by(f64::total_cmp),
                peak_bytes: most(who, "peak_bytes"),
                imported_bytes: most(who, "imported_bytes"),
            }),
            contiguous: seconds(Contestant::Contiguous),
            channels_last: seconds(Contestant::ChannelsLast),
            bf16: seconds(Contestant::Bf16),
            gflops: rate(Contestant::Ours, "operations").map(|rate| rate / 1e9).filter(|rate| *rate > 0.0),
            ceiling_gflops: rate(Contestant::Gemm, "operations").map(|rate| rate / 1e9),
            bytes_moved: ours.count("bytes_moved").map(|bytes| bytes as f64 / copies),
            ceiling_bytes_per_second: rate(Contestant::Copy, "bytes_moved"),
        })
    }

    /// How many times faster ours is than PyTorch.
    pub(crate) fn speedup(&self) -> Option<f64> {
        self.pytorch.as_ref().map(|pytorch| pytorch.seconds / self.seconds)
    }

    /// Bytes a second, of those that must be moved at least.
    pub(crate) fn bytes_per_second(&self) -> Option<f64> {
        self.bytes_moved.map(|bytes| bytes / self.seconds)
    }

    fn json(&self) -> Value {
        let pytorch = self.pytorch.as_ref();
        json!({
            "name": self.name,
            "kind": self.kind,
            "threads": self.threads,
            "seconds": self.seconds,
            "peak_bytes": self.peak_bytes,
            "pytorch_seconds": pytorch.map(|p| p.seconds),
            "pytorch_peak_bytes": pytorch.and_then(|p| p.peak_bytes),
            "speedup": self.speedup(),
            "seconds_of_rounds": self.rounds,
            "pytorch_seconds_of_rounds": pytorch.map(|p| p.rounds.as_slice()),
            "fastest_seconds": self.fastest,
            "pytorch_fastest_seconds": pytorch.and_then(|p| p.fastest),
            "pytorch_layout": pytorch.map(|p| p.layout),
            "pytorch_contiguous_seconds": self.contiguous,
            "pytorch_channels_last_seconds": self.channels_last,
            "bf16_seconds": self.half,
            "bf16_peak_bytes": self.half_peak_bytes,
            "pytorch_bf16_seconds": self.bf16,
            "pytorch_imported_bytes": pytorch.and_then(|p| p.imported_bytes),
            "pytorch_version": pytorch.map(|p| p.version.as_str()),
            "parameters": self.parameters,
            "multiply_adds": self.multiply_adds,
            "gflops": self.gflops,
            "ceiling_gflops": self.ceiling_gflops,
            "bytes_moved": self.bytes_moved,
            "bytes_per_second": self.bytes_per_second(),
            "ceiling_bytes_per_second": self.ceiling_bytes_per_second,
        })
    }
}

/// Writes all outcomes so far: beside the file's place first, then over it, so that it is whole at any instant.
pub(crate) fn write(path: &Path, outcomes: &[Outcome]) -> Result<()> {
    let list: Vec<Value> = outcomes.iter().map(Outcome::json).collect();
    let text = serde_json::to_string_pretty(&list)? + "\n";
    let mut name = path.file_name().context("the file for what was measured has no name")?.to_owned();
    name.push(".unfinished");
    let unfinished = path.with_file_name(name);
    let put = || -> std::io::Result<()> {
        let mut file = File::create(&unfinished)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        fs::rename(&unfinished, path)
    };
    put().with_context(|| format!("cannot write {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(seconds: f64, rest: &str) -> Sample {
        Sample::read(&format!(r#"{{"seconds": [{seconds}]{rest}}}"#)).expect("it has seconds")
    }

    /// A chain of eight copies in two rounds; PyTorch is faster with channels last.
    fn samples(theirs: u64) -> Vec<(Contestant, Sample)> {
        let chain = r#", "kind": "operation", "copies": 8, "parameters": 5, "multiply_adds": 800, "operations": 4800,
            "bytes_moved": 160, "peak_bytes": 7, "threads": 2"#;
        let torch = format!(r#", "parameters": {theirs}, "peak_bytes": 90, "torch": "2.15""#);
        let mut samples = Vec::new();
        for slower in [1.0, 3.0] {
            samples.push((Contestant::Ours, sample(8.0 * slower, chain)));
            samples.push((Contestant::Contiguous, sample(80.0 * slower, &torch)));
            samples.push((Contestant::ChannelsLast, sample(40.0 * slower, &torch)));
            samples.push((Contestant::Gemm, sample(1.0 * slower, r#", "operations": 4000"#)));
            samples.push((Contestant::Copy, sample(1.0 * slower, r#", "bytes_moved": 60"#)));
        }
        samples
    }

    #[test]
    fn medians_are_of_one_copy_and_pytorchs_faster_layout_counts() {
        let outcome = Outcome::new("x", &samples(5)).expect("it is complete");
        assert_eq!((outcome.seconds, outcome.multiply_adds, outcome.speedup()), (2.0, 100.0, Some(5.0)));
        assert_eq!((outcome.fastest, outcome.pytorch.as_ref().and_then(|p| p.fastest)), (Some(1.0), Some(5.0)));
        assert_eq!((outcome.contiguous, outcome.channels_last, outcome.bf16), (Some(20.0), Some(10.0), None));
        assert_eq!(outcome.pytorch.as_ref().map(|p| (p.layout, p.peak_bytes)), Some(("channels_last", Some(90))));
        assert_eq!((outcome.gflops, outcome.ceiling_gflops), (Some(3e-7), Some(2e-6)));
        assert_eq!((outcome.bytes_per_second(), outcome.ceiling_bytes_per_second), (Some(10.0), Some(30.0)));
    }

    #[test]
    fn two_networks_are_not_compared() {
        let error = Outcome::new("x", &samples(6)).err().map(|error| error.to_string());
        let expect = "not the same network: ours has 5 parameters, PyTorch's (Contiguous) 6";
        assert_eq!(error.as_deref(), Some(expect));
    }

    #[test]
    fn the_file_is_replaced_whole() -> Result<()> {
        let folder = tempfile::tempdir()?;
        let path = folder.path().join("bench.json");
        let outcomes = [Outcome::new("x", &samples(5))?, Outcome::new("y", &samples(5))?];
        for count in [1, 2] {
            write(&path, &outcomes[..count])?;
            let list: Value = serde_json::from_str(&fs::read_to_string(&path)?)?;
            assert_eq!(list.as_array().map(Vec::len), Some(count));
            assert_eq!((&list[0]["name"], &list[0]["pytorch_seconds"]), (&json!("x"), &json!(10.0)));
        }
        assert_eq!(fs::read_dir(folder.path())?.count(), 1, "nothing unfinished stays");
        Ok(())
    }
}
