//! `nas init`: a commented nas.toml with every setting and its default.

use crate::args::InitArgs;
use crate::config::{Partial, template};
use crate::exit::usage;
use crate::images;
use crate::output::line;
use crate::plan;

const HEAD: &str = "\
Settings of `nas search --config FILE`. Every line shows a default and is commented out:
take away the # of those you want to fix. Flags override this file.
Under a time budget the sizes that are left open are chosen by a rule; `nas search --explain` prints it.";

/// Writes the file.
pub fn run(args: &InitArgs) -> anyhow::Result<()> {
    if args.output.exists() && !args.force {
        return Err(usage(format!("{} exists already; give another name with -o, or --force", args.output.display())));
    }
    let mut given = Partial::default();
    given.data.name = args.data.clone();
    let name = given.data.name.clone().unwrap_or_else(|| "digits".into());
    let set = nas_data::load(&name, &images::load_options(None, None, None))?;
    let config = plan::resolve(given, &images::facts(&name, &set));
    nas_search::files::write_atomically(&args.output, template(&config, HEAD).as_bytes())?;
    line(&format!("wrote {}; search with: nas search --config {0}", args.output.display()));
    Ok(())
}
