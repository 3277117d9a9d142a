//! One module a command: each reads its arguments, calls the crates below, and prints.

mod bench;
mod compare;
mod completions;
mod data;
mod evaluate;
mod export;
mod genotype;
mod init;
mod layers;
mod logits;
mod methods;
mod report;
mod resume;
mod search;
mod show;
mod spaces;
mod strategies;
mod train;
mod trial;

use crate::args::Command;

/// Runs a command.
///
/// # Errors
/// What the command says; [`exit::kind_of`](crate::exit::kind_of) tells its exit code.
pub fn run(command: Command) -> anyhow::Result<()> {
    match command {
        Command::Show(args) => show::run(&args),
        Command::Bench(args) => bench::run(&args),
        Command::Compare(args) => compare::run(&args),
        Command::CompareRun(args) => compare::run_one(&args),
        Command::Report(args) => report::run(&args),
        Command::Spaces(args) => spaces::run(&args),
        Command::Methods(args) => methods::run(&args),
        Command::Strategies(args) => strategies::run(&args),
        Command::Data(args) => data::run(&args),
        Command::Init(args) => init::run(&args),
        Command::Completions(args) => completions::run(&args),
        Command::Search(args) => search::run(&args),
        Command::Resume(args) => resume::run(&args),
        Command::Train(args) => train::run(&args),
        Command::Evaluate(args) => evaluate::run(&args),
        Command::Export(args) => export::run(&args),
        Command::Trial(args) => trial::run(&args),
    }
}
