//! Exit codes: one per kind of failure, so that scripts can tell them apart.

use std::process::ExitCode;

/// What `nas --help` and the README say about exit codes.
pub const HELP: &str = "\
Exit codes:
  0    everything asked for was done
  1    it failed while running (training diverged, no trial succeeded, the disk is full)
  2    the command line or the configuration is wrong
  3    the data cannot be read
  4    a study, model or architecture file cannot be used
  130  stopped by Ctrl-C or a termination signal; `nas resume` goes on";

/// The kinds of failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Something failed while running.
    Failure = 1,
    /// The command line or the configuration is wrong.
    Usage = 2,
    /// The data cannot be read.
    Data = 3,
    /// A study, model or architecture file cannot be used.
    File = 4,
    /// Stopped by the user.
    Interrupted = 130,
}

impl From<Kind> for ExitCode {
    fn from(kind: Kind) -> Self {
        ExitCode::from(kind as u8)
    }
}

/// An error of the command line itself, with its kind.
#[derive(Debug)]
pub struct Fault {
    /// The kind.
    pub kind: Kind,
    /// A sentence: what, where, and what to do.
    pub message: String,
}

impl std::fmt::Display for Fault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Fault {}

/// A wrong command line or configuration.
pub fn usage(message: impl Into<String>) -> anyhow::Error {
    Fault { kind: Kind::Usage, message: message.into() }.into()
}

/// A study, model or architecture file that cannot be used.
pub fn file(message: impl Into<String>) -> anyhow::Error {
    Fault { kind: Kind::File, message: message.into() }.into()
}

/// A failure while running.
pub fn failure(message: impl Into<String>) -> anyhow::Error {
    Fault { kind: Kind::Failure, message: message.into() }.into()
}

/// Stopped by the user.
pub fn interrupted(message: impl Into<String>) -> anyhow::Error {
    Fault { kind: Kind::Interrupted, message: message.into() }.into()
}

/// Which kind of failure an error is: the first of its causes that says so.
pub fn kind_of(error: &anyhow::Error) -> Kind {
    error.chain().find_map(kind_of_cause).unwrap_or(Kind::Failure)
}

fn kind_of_cause(cause: &(dyn std::error::Error + 'static)) -> Option<Kind> {
    if let Some(fault) = cause.downcast_ref::<Fault>() {
        return Some(fault.kind);
    }
    if let Some(error) = cause.downcast_ref::<nas_data::DataError>() {
        return Some(of_data(error));
    }
    if let Some(error) = cause.downcast_ref::<nas_space::SpaceError>() {
        return Some(of_space(error));
    }
    if let Some(error) = cause.downcast_ref::<nas_search::SearchError>() {
        return Some(of_search(error));
    }
    if let Some(error) = cause.downcast_ref::<nas_bench::BenchError>() {
        return Some(of_bench(error));
    }
    if let Some(error) = cause.downcast_ref::<nas_oneshot::OneShotError>() {
        return Some(of_one_shot(error));
    }
    if let Some(error) = cause.downcast_ref::<nas_ghn::GhnError>() {
        return Some(of_ghn(error));
    }
    cause.downcast_ref::<nas_nn::NnError>().map(of_nn)
}

fn of_ghn(error: &nas_ghn::GhnError) -> Kind {
    use nas_ghn::GhnError as E;
    match error {
        E::Nn(error) => of_nn(error),
        E::Space(error) => of_space(error),
        E::Data(error) => of_data(error),
        E::Setting { .. } => Kind::Usage,
        _ => Kind::Failure,
    }
}

fn of_one_shot(error: &nas_oneshot::OneShotError) -> Kind {
    use nas_oneshot::OneShotError as E;
    match error {
        E::Nn(error) => of_nn(error),
        E::Space(error) => of_space(error),
        E::Data(error) => of_data(error),
        E::Setting { .. } => Kind::Usage,
        _ => Kind::Failure,
    }
}

fn of_nn(error: &nas_nn::NnError) -> Kind {
    match error {
        nas_nn::NnError::Data(error) => of_data(error),
        nas_nn::NnError::Space(error) => of_space(error),
        nas_nn::NnError::Write(error) => of_search(error),
        nas_nn::NnError::File { .. } => Kind::File,
        nas_nn::NnError::Setting { .. } => Kind::Usage,
        nas_nn::NnError::Unfit { .. } => Kind::Data,
        _ => Kind::Failure,
    }
}

fn of_data(error: &nas_data::DataError) -> Kind {
    if matches!(error, nas_data::DataError::Setting { .. }) { Kind::Usage } else { Kind::Data }
}

fn of_space(error: &nas_space::SpaceError) -> Kind {
    if matches!(error, nas_space::SpaceError::File { .. }) { Kind::File } else { Kind::Usage }
}

fn of_bench(error: &nas_bench::BenchError) -> Kind {
    use nas_bench::BenchError as E;
    match error {
        E::Unreadable { .. } | E::Line { .. } | E::File { .. } => Kind::Data,
        E::Strategy { .. } => Kind::Failure,
        _ => Kind::Usage,
    }
}

fn of_search(error: &nas_search::SearchError) -> Kind {
    use nas_search::SearchError as E;
    match error {
        E::NoStudy { .. }
        | E::NotAStudy { .. }
        | E::NewerSchema { .. }
        | E::Damaged { .. }
        | E::UnknownTrial { .. }
        | E::Claimed { .. }
        | E::Locked { .. }
        | E::StrategyState { .. } => Kind::File,
        E::StudyExists { .. } | E::NoBudget | E::Setting { .. } => Kind::Usage,
        _ => Kind::Failure,
    }
}

/// An error and its causes as one sentence, without saying anything twice: some errors repeat their cause already.
pub fn sentence(error: &anyhow::Error) -> String {
    let mut text = String::new();
    for cause in error.chain().map(ToString::to_string) {
        if !text.contains(&cause) {
            text += if text.is_empty() { "" } else { ": " };
            text += &cause;
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cause_is_not_said_twice() {
        let inner = std::io::Error::other("no space");
        let error = anyhow::Error::new(inner).context("cannot write x: no space").context("training");
        assert_eq!(sentence(&error), "training: cannot write x: no space");
    }

    #[test]
    fn kinds_come_from_the_causes() {
        let check = |error: anyhow::Error, kind| assert_eq!(kind_of(&error.context("while testing")), kind);
        check(usage("x"), Kind::Usage);
        check(file("x"), Kind::File);
        check(anyhow::anyhow!("x"), Kind::Failure);
        check(nas_search::SearchError::NoBudget.into(), Kind::Usage);
        let space = nas_space::SpaceError::File { reason: "x".into() };
        check(nas_nn::NnError::Space(space).into(), Kind::File);
        let data = nas_data::DataError::Empty { purpose: "x" };
        check(nas_nn::NnError::Data(data).into(), Kind::Data);
    }
}
