//! `nas report`: what a run or a benchmark came to, as a page in a file, or live in a browser.

use std::net::SocketAddr;

use serde_json::json;

use crate::args::ReportArgs;
use crate::exit::usage;
use crate::output::Output;
use crate::report::{Subject, serve};

/// Where a live page is served unless another address is given.
const HERE: &str = "127.0.0.1:8017";

/// Writes or serves the report.
pub fn run(args: &ReportArgs) -> anyhow::Result<()> {
    let out = Output::new(args.json, false);
    let subject = Subject::at(&args.path)?;
    if let Some(at) = &args.serve {
        let at = address(at.as_deref().unwrap_or(HERE))?;
        // A study that cannot be read is said at once, not in the browser.
        subject.page()?;
        return serve(&subject, at, &mut |here| {
            out.document(&json!({ "url": format!("http://{here}/") }));
            out.result(&format!("the report is at http://{here}/ and follows the run; Ctrl-C ends it"));
        });
    }
    let place = args.out.clone().unwrap_or_else(|| subject.default_place());
    subject.write(&place)?;
    out.document(&json!({ "report": place }));
    out.result(&format!("wrote {}", place.display()));
    Ok(())
}

/// An address as people write it: with a port, or a port alone, which is this machine's.
fn address(text: &str) -> anyhow::Result<SocketAddr> {
    let full =
        if text.parse::<u16>().is_ok() { format!("127.0.0.1:{text}") } else { text.replace("localhost", "127.0.0.1") };
    full.parse()
        .map_err(|_| usage(format!("`{text}` is not an address; write 127.0.0.1:8080, or a port alone, such as 8080")))
}

#[cfg(test)]
mod tests {
    use super::address;

    #[test]
    fn a_port_alone_is_this_machines() {
        assert_eq!(address("8080").unwrap(), "127.0.0.1:8080".parse().unwrap());
        assert_eq!(address("localhost:80").unwrap(), "127.0.0.1:80".parse().unwrap());
        assert_eq!(address("0.0.0.0:80").unwrap(), "0.0.0.0:80".parse().unwrap());
        assert!(address("here").unwrap_err().to_string().contains("`here` is not an address"));
    }
}
