//! Whether a training fits into this machine's memory, asked before anything is trained.

use std::collections::BTreeMap;
use std::fs;

use nas_nn::memory::{TrainingStep, evaluation, training_step};
use nas_nn::trainer::TrainConfig;
use nas_oneshot::Order;
use nas_space::{NetworkConfig, NetworkGraph, SpaceError, one_an_edge};

use crate::config::Config;
use crate::exit::usage;
use crate::images::Data;
use crate::oneshot::{self, OneShot};
use crate::output::Output;
use crate::units::bytes;
use crate::{device, probe, recipe};

/// Memory of this machine, or of the container this process is in, in bytes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Machine {
    /// All there is.
    pub whole: u64,
    /// What nobody uses now.
    pub free: u64,
}

impl Machine {
    /// Asks the system; `None` where it is not Linux, or does not say.
    pub fn ask() -> Option<Self> {
        let machine = Self::parse(&fs::read_to_string("/proc/meminfo").ok()?)?;
        let number = |path: &str| fs::read_to_string(path).ok()?.trim().parse::<u64>().ok();
        // Of a control group, version 2 or 1. A group without a limit says `max`, or a number beyond any memory.
        let limits = [
            ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory.current"),
            ("/sys/fs/cgroup/memory/memory.limit_in_bytes", "/sys/fs/cgroup/memory/memory.usage_in_bytes"),
        ];
        let group = limits.iter().find_map(|(limit, used)| Some((number(limit)?, number(used)?)));
        Some(group.map_or(machine, |(limit, used)| machine.within(limit, used)))
    }

    /// Reads the text of Linux's `/proc/meminfo`.
    fn parse(text: &str) -> Option<Self> {
        let field = |name: &str| {
            let line = text.lines().find_map(|line| line.strip_prefix(name))?;
            Some(line.trim_start_matches(':').trim().strip_suffix("kB")?.trim().parse::<u64>().ok()? * 1024)
        };
        Some(Self { whole: field("MemTotal")?, free: field("MemAvailable")? })
    }

    /// What is left of it for a group of processes that may use `limit` bytes and uses `used`.
    fn within(self, limit: u64, used: u64) -> Self {
        Self { whole: self.whole.min(limit), free: self.free.min(limit.saturating_sub(used)) }
    }
}

/// What a training needs: steps, and evaluations in between on as many images.
pub fn of_training(graph: &NetworkGraph, train: &TrainConfig) -> u64 {
    let TrainConfig { batch_size: batch, precision, drop_path, .. } = *train;
    let step = training_step(graph, &TrainingStep { batch, precision, drop_path: drop_path > 0.0 });
    // An evaluation goes through fewer images at once, for which what a step leaves in the pool is too large.
    step + evaluation(graph, batch, device::cores())
}

/// Refuses a training that needs more than the machine has, and warns of one that needs more than is free. `what` is what
/// trains, `least` and `most` are the bytes that it needs as far as is known before; `advice` says what makes it smaller.
///
/// # Errors
/// A sentence with both sizes and the advice.
pub fn check(
    out: &Output,
    machine: Option<Machine>,
    what: &str,
    [least, most]: [u64; 2],
    advice: &str,
) -> anyhow::Result<()> {
    let Some(machine) = machine else { return Ok(()) };
    if least > machine.whole {
        let (needs, has) = (bytes(least), bytes(machine.whole));
        return Err(usage(format!("{what} needs about {needs} of memory, this machine has {has}; {advice}")));
    }
    if most > machine.free {
        let (needs, free) = (bytes(most), bytes(machine.free));
        out.warn(&format!("{what} may need {needs} of memory, and {free} are free; {advice}"));
    }
    Ok(())
}

/// Checks what a search will train: the supernet of one that has one, the trials, as many as run at once, and the winner.
/// A few sampled architectures stand for those that it will find.
///
/// # Errors
/// As [`check`].
pub fn check_search(out: &Output, config: &Config, data: &Data) -> anyhow::Result<()> {
    if config.run.device != "cpu" {
        return Ok(());
    }
    let machine = Machine::ask();
    if let Some(asked) = OneShot::of(&config.search)? {
        let advice = "set a smaller --batch-size (or auto), --channels or --layers";
        check(out, machine, "a step of the supernet", of_supernet(config, data, &asked)?, advice)?;
    }
    let jobs = jobs(config);
    let what = if jobs == 1 { "a trial".to_owned() } else { format!("each of {jobs} trials at once") };
    let advice = "set a smaller --batch-size, --channels or --layers, or fewer --jobs";
    // What is free must do for all of them.
    let shared = machine.map(|machine| Machine { free: machine.free / jobs.max(1), ..machine });
    check(out, shared, &what, of_trials(config, data)?, advice)?;
    check(out, machine, "the final training", of_final(config, data)?, FINAL_ADVICE)
}

/// How many trials run at once.
pub fn jobs(config: &Config) -> u64 {
    if config.run.in_process { 1 } else { config.run.jobs as u64 }
}

/// What one trial of a search needs, at least and at most.
///
/// # Errors
/// If a network cannot be built.
pub fn of_trials(config: &Config, data: &Data) -> anyhow::Result<[u64; 2]> {
    let network = recipe::trial_network(config, data);
    of_samples(config, data, &network, &recipe::trial_training(config))
}

/// What the final training of a search needs, at least and at most.
///
/// # Errors
/// If a network cannot be built.
pub fn of_final(config: &Config, data: &Data) -> anyhow::Result<[u64; 2]> {
    let network = recipe::final_network(config, data);
    of_samples(config, data, &network, &recipe::final_training(config))
}

/// The least and the most that training one of a few sampled architectures needs.
fn of_samples(config: &Config, data: &Data, network: &NetworkConfig, train: &TrainConfig) -> anyhow::Result<[u64; 2]> {
    let space = recipe::searched_space(config, data)?;
    let samples = probe::samples(space.as_ref()).into_iter();
    let each = samples.map(|a| Ok(of_training(&space.lower(&a, network)?, train)));
    let each = each.collect::<Result<Vec<_>, SpaceError>>()?;
    Ok([each.iter().copied().min().unwrap_or(0), each.iter().copied().max().unwrap_or(0)])
}

/// What a step of a search's supernet needs: of the whole network, or of a few sampled paths, with all weights and their
/// momentum; at least and at most.
///
/// # Errors
/// If the supernet cannot be built.
pub fn of_supernet(config: &Config, data: &Data, asked: &OneShot) -> anyhow::Result<[u64; 2]> {
    let network = recipe::trial_network(config, data);
    let (name, train) = (&config.space.name, recipe::trial_training(config));
    if let OneShot::Gradient(asked) = asked {
        let space = oneshot::mixed_space(name)?;
        let supernet = space.partial_supernet(&network, asked.partial())?;
        if asked.published.order != Order::Sampled {
            let needs = of_training(&supernet, &train);
            return Ok([needs, needs]);
        }
        // All weights with their momentum, and a path; all edges with the same operation are the cheapest and the dearest.
        let kept = 2 * 4 * supernet.parameters() as u64;
        let tables = space.tables();
        let operations = tables.iter().map(|table| table.operations.len()).min().unwrap_or(0);
        let alike = |operation| tables.iter().map(|table| vec![operation; table.edges.len()]).collect::<Vec<_>>();
        let each = (0..operations).map(|at| Ok(of_training(&one_an_edge(&supernet, &alike(at))?, &train)));
        let each = each.collect::<Result<Vec<_>, SpaceError>>()?;
        return Ok([each.iter().min(), each.iter().max()].map(|bytes| kept + bytes.copied().unwrap_or(0)));
    }
    let space = oneshot::path_space(name)?;
    let mut weights = BTreeMap::new();
    for graph in space.shared(&network)? {
        weights.extend(graph.nodes().map(|(index, node)| (node.name.clone(), graph.parameters_of(index) as u64)));
    }
    let kept = 2 * 4 * weights.values().sum::<u64>();
    let paths =
        probe::samples(space.as_ref()).into_iter().map(|path| Ok(of_training(&space.path(&path, &network)?, &train)));
    let paths = paths.collect::<Result<Vec<_>, SpaceError>>()?;
    Ok([paths.iter().min(), paths.iter().max()].map(|bytes| kept + bytes.copied().unwrap_or(0)))
}

/// What makes a final training smaller.
pub const FINAL_ADVICE: &str = "set a smaller --batch-size, --final-channels or --final-layers, or --precision bf16";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_system_s_answer_is_read() {
        let text = "MemTotal:       24576000 kB\nMemFree:          100000 kB\nMemAvailable:   20480000 kB\n";
        let machine = Machine::parse(text).unwrap();
        assert_eq!(machine, Machine { whole: 24_576_000 * 1024, free: 20_480_000 * 1024 });
        assert_eq!(Machine::parse("MemTotal: x kB"), None);
        assert_eq!(machine.within(1 << 30, 1 << 28), Machine { whole: 1 << 30, free: (1 << 30) - (1 << 28) });
        assert_eq!(machine.within(u64::MAX, 5), machine);
        assert_eq!(machine.within(10, 20).free, 0);
    }

    #[test]
    fn what_does_not_fit_is_refused_with_both_sizes() {
        let out = Output::new(false, false);
        let machine = Some(Machine { whole: 8 << 30, free: 6 << 30 });
        let message =
            check(&out, machine, "the final training", [40 << 30; 2], "set a smaller --batch-size").unwrap_err();
        let said = message.to_string();
        assert!(said.starts_with("the final training needs about ") && said.contains("this machine has"), "{said}");
        assert!(said.ends_with("set a smaller --batch-size"), "{said}");
        assert!(check(&out, machine, "it", [5 << 30, 40 << 30], "").is_ok(), "more than is free is only warned of");
        assert!(check(&out, None, "it", [40 << 40; 2], "").is_ok(), "where nothing is known, nothing is refused");
    }
}
