//! Makes reports and looks at them in Chromium, as wide as a telephone, a tablet and a desk, light and dark: nothing may
//! stick out at the side, every picture must be as large as it should be, and dark must not be light. What no program sees,
//! whether it is beautiful, is left to whoever looks at the pictures.

mod browser;
mod cases;

use anyhow::{Context, Result, bail};
use std::path::PathBuf;
use std::process::Command;

use crate::shell;
use browser::{Browser, Scheme};
use cases::CASES;

/// How wide a window is, and what it stands for.
const WIDTHS: [(u32, &str); 3] = [(360, "telephone"), (768, "tablet"), (1440, "desk")];

/// With what is looked.
#[derive(clap::Args)]
pub(crate) struct Options {
    /// The Chromium or Chrome to look with, where it is not on the PATH.
    #[arg(long, value_name = "PATH")]
    chromium: Option<PathBuf>,
    /// Check only the reports whose name holds this text.
    #[arg(long, value_name = "SUBSTRING", default_value = "")]
    only: String,
}

/// Checks every report, and fails where one cannot be shown as it should.
pub(crate) fn run(options: &Options) -> Result<()> {
    // Before anything is built: without a browser there is nothing to do.
    let browser = Browser::find(options.chromium.as_deref())?;
    let nas = shell::built_nas()?;
    let folder = shell::emptied("report-check")?;
    let cases: Vec<_> = CASES.iter().filter(|case| case.name.contains(&options.only)).collect();
    if cases.is_empty() {
        bail!("no report has `{}` in its name", options.only);
    }
    let mut faults = Vec::new();
    for (number, case) in (1..).zip(&cases) {
        println!("{number} of {}: {}", cases.len(), case.name);
        let nas = |arguments: &[&str]| {
            let mut command = Command::new(&nas);
            command.args(arguments).current_dir(&folder);
            shell::read(command)
        };
        let page = case.make(&folder, &nas).with_context(|| format!("report `{}`", case.name))?;
        for (width, device) in WIDTHS {
            let size = browser.measure(&page, width)?;
            if size[0] > width {
                let over = size[0] - width;
                faults.push(format!("{} sticks out by {over} pixels on a {device} ({width} wide)", case.name));
            }
            let pictures = [Scheme::Light, Scheme::Dark].map(|scheme| {
                let picture = folder.join(format!("{}-{width}-{}.png", case.name, scheme.name()));
                browser.picture(&page, [width, size[1]], scheme, &picture)
            });
            let [light, dark] = pictures;
            if light? == dark? {
                faults.push(format!("{} looks the same in light and in dark at {width}", case.name));
            }
        }
        browser.print(&page, &folder.join(format!("{}.pdf", case.name)))?;
    }
    if !faults.is_empty() {
        bail!("{}", faults.join("\n  "));
    }
    println!(
        "{} reports at {} widths, light, dark and printed: look at {}",
        cases.len(),
        WIDTHS.len(),
        folder.display()
    );
    Ok(())
}
