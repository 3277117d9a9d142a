//! Chromium without a window: what a page measures, what it looks like, how it is printed.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

use crate::shell;

/// Names under which it is installed.
const NAMES: [&str; 4] = ["chromium", "chromium-browser", "google-chrome", "chrome"];
/// The first bytes of a PNG file, up to its width.
const PNG: [u8; 16] = *b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR";

/// A browser that runs.
pub(super) struct Browser {
    program: PathBuf,
}

/// What the reader's screen is.
#[derive(Clone, Copy)]
pub(super) enum Scheme {
    Light,
    Dark,
}

impl Scheme {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Light => "light",
            Self::Dark => "dark",
        }
    }
}

impl Browser {
    /// The one given, or the first on the PATH.
    pub(super) fn find(given: Option<&Path>) -> Result<Self> {
        let runs = |program: &Path| {
            let mut command = Command::new(program);
            command.arg("--version").stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
            command.status().is_ok_and(|status| status.success())
        };
        if let Some(path) = given {
            if !runs(path) {
                bail!("{} is no Chromium that runs; give another one with --chromium", path.display());
            }
            return Ok(Self { program: path.to_owned() });
        }
        let found = NAMES.iter().map(PathBuf::from).find(|name| runs(name));
        let Some(program) = found else {
            bail!(
                "there is no Chromium here ({} were tried), and without one nobody sees the reports; install it, or give it \
                 with --chromium PATH",
                NAMES.join(", ")
            );
        };
        Ok(Self { program })
    }

    fn command(&self, scheme: Scheme, size: [u32; 2]) -> Command {
        let mut command = Command::new(&self.program);
        // Of Blink's two schemes 0 is dark. The sandbox needs rights that containers lack; the pages are our own.
        let colours = if matches!(scheme, Scheme::Dark) { 0 } else { 1 };
        command.args([
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--hide-scrollbars",
            "--allow-file-access-from-files",
        ]);
        command.arg(format!("--blink-settings=preferredColorScheme={colours}"));
        command.arg(format!("--window-size={},{}", size[0], size[1]));
        command.stderr(Stdio::null());
        command
    }

    /// How wide and how high a page becomes in a window of a width: wider than it, where something sticks out.
    pub(super) fn measure(&self, page: &Path, width: u32) -> Result<[u32; 2]> {
        // A frame is as narrow as it is told to be, which a window is not everywhere.
        let frame = page.with_extension("frame.html");
        let html = format!(
            "<body><iframe id=\"f\" style=\"width:{width}px;height:800px;border:0\" src=\"{}\"></iframe><script>\n\
             document.getElementById('f').onload = e => {{ const d = e.target.contentDocument.documentElement;\n\
             document.body.innerHTML = `size ${{d.scrollWidth}} ${{d.scrollHeight}} end`; }};</script></body>",
            url(page)
        );
        std::fs::write(&frame, html)?;
        let mut command = self.command(Scheme::Light, [1600, 1000]);
        command.args(["--virtual-time-budget=5000", "--dump-dom", &url(&frame)]);
        let shown = shell::read(command)?;
        let numbers = shown.split("size ").nth(1).and_then(|rest| rest.split(" end").next()).unwrap_or_default();
        let numbers: Vec<u32> = numbers.split(' ').filter_map(|number| number.parse().ok()).collect();
        let size: [u32; 2] =
            numbers.try_into().map_err(|_| anyhow::anyhow!("Chromium does not say how large {} is", page.display()))?;
        std::fs::remove_file(&frame)?;
        Ok(size)
    }

    /// Takes a picture of a page and returns its bytes.
    pub(super) fn picture(&self, page: &Path, size: [u32; 2], scheme: Scheme, into: &Path) -> Result<Vec<u8>> {
        let mut command = self.command(scheme, size);
        command.arg(format!("--screenshot={}", into.display())).arg(url(page));
        shell::read(command)?;
        let bytes = std::fs::read(into).with_context(|| format!("Chromium took no picture {}", into.display()))?;
        if !bytes.starts_with(&PNG) || bytes.get(16..24) != Some(&size.map(u32::to_be_bytes).concat()[..]) {
            bail!("{} is no picture of {}x{} pixels", into.display(), size[0], size[1]);
        }
        Ok(bytes)
    }

    /// Prints a page.
    pub(super) fn print(&self, page: &Path, into: &Path) -> Result<()> {
        let mut command = self.command(Scheme::Light, [1000, 1000]);
        command.args(["--no-pdf-header-footer", &format!("--print-to-pdf={}", into.display())]).arg(url(page));
        shell::read(command)?;
        let bytes = std::fs::read(into).with_context(|| format!("Chromium printed nothing into {}", into.display()))?;
        if !bytes.starts_with(b"%PDF-") {
            bail!("{} is no PDF", into.display());
        }
        Ok(())
    }
}

/// A file as browsers name it.
fn url(path: &Path) -> String {
    format!("file://{}", path.display().to_string().replace('%', "%25").replace(' ', "%20").replace('#', "%23"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_browser_is_a_sentence() {
        let error = Browser::find(Some(Path::new("/no/such/browser"))).err().expect("it is not there").to_string();
        assert_eq!(error, "/no/such/browser is no Chromium that runs; give another one with --chromium");
    }

    #[test]
    fn names_of_files_are_addresses() {
        assert_eq!(url(Path::new("/a b/50%#1.html")), "file:///a%20b/50%25%231.html");
    }
}
