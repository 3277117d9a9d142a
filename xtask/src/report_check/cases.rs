//! The reports that are looked at: every kind of page, and of searches those that show something of their own.

use std::path::{Path, PathBuf};

use anyhow::Result;

/// A report.
pub(super) struct Case {
    /// Its name, and that of its folder.
    pub(super) name: &'static str,
    /// The command that makes what it is about.
    command: &'static str,
    /// Whether it is about what the command prints, not about a folder.
    is_printed: bool,
    /// Files that are taken away from the folder before, as if the run had been cut off.
    without: &'static [&'static str],
}

/// The smallest searches that show everything.
const SMALL: &str =
    "--trial-epochs 1 --final-epochs 3 --channels 4 --layers 3 --final-channels 4 --final-layers 3 --quiet";

pub(super) const CASES: [Case; 7] = [
    search("evolution", "search --trials 12"),
    search("reinforce", "search --strategy reinforce --trials 12 --no-baseline"),
    search("darts", "search --strategy darts1:images=300:random=2:alpha_rate=0.05:early_stop=false --epochs 6"),
    search("ghn", "search --strategy ghn:samples=30:best=4:random=2 --epochs 4"),
    Case {
        without: &["metrics.json", "arch.json"],
        ..search("cut-off", "search --strategy enas:images=300:random=1 --space enas-micro --epochs 4")
    },
    Case {
        name: "comparison",
        command: "compare --out comparison --methods amoebanet,darts1:images=300,enas:images=300 --epochs 3 --seeds 2 \
                  --trial-epochs 1 --trial-images 300 --channels 4 --final-channels 4 --final-epochs 2 --quiet",
        is_printed: false,
        without: &[],
    },
    Case {
        name: "bench",
        command: "bench synthetic --strategy evolution:population=20:sample=5,local,asha,nsga2 --cost raspi4_latency \
                  --queries 100 --runs 20 --json",
        is_printed: true,
        without: &[],
    },
];

const fn search(name: &'static str, command: &'static str) -> Case {
    Case { name, command, is_printed: false, without: &[] }
}

impl Case {
    /// Makes the report and says where it is.
    pub(super) fn make(&self, folder: &Path, nas: &dyn Fn(&[&str]) -> Result<String>) -> Result<PathBuf> {
        let mut words: Vec<&str> = self.command.split_whitespace().collect();
        if words[0] == "search" {
            words.extend(["--out", self.name]);
            words.extend(SMALL.split_whitespace());
        }
        let printed = nas(&words)?;
        let page = folder.join(format!("{}.html", self.name));
        let place = page.display().to_string();
        let of = if self.is_printed {
            std::fs::write(folder.join("bench.json"), printed)?;
            "bench.json"
        } else {
            for file in self.without {
                std::fs::remove_file(folder.join(self.name).join(file))?;
            }
            self.name
        };
        nas(&["report", of, "--out", &place])?;
        Ok(page)
    }
}
