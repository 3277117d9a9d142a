//! What a search optimises and limits beside accuracy, and whether latency has to be measured for that.

use nas_search::pareto::Objective;

use crate::config::{Search, SearchConfig};
use crate::exit::usage;
use crate::strategies::{Method, hint};

/// The strategy that takes several objectives.
pub const NSGA2: &str = "nsga2";

/// What it optimises where nothing else is asked for.
pub const USUAL: [Objective; 2] = [Objective::Accuracy, Objective::Parameters];

/// Reads `accuracy,params,flops,latency`, or the same joined by +, as strategies are set.
///
/// # Errors
/// Lists the objectives, and suggests the nearest.
pub fn parse(text: &str) -> anyhow::Result<Vec<Objective>> {
    text.split([',', '+']).map(|name| objective(name.trim())).collect()
}

fn objective(name: &str) -> anyhow::Result<Objective> {
    if name == "params" {
        return Ok(Objective::Parameters);
    }
    let names = Objective::ALL.map(Objective::name);
    let found = Objective::ALL.into_iter().find(|objective| objective.name() == name);
    found.ok_or_else(|| {
        let known = names.join(", ");
        usage(format!("there is no objective `{name}`; the objectives are {known}{}", hint(name, &names)))
    })
}

/// The objectives of a search, from its strategy and what was said beside it; `None` of a strategy that has accuracy alone.
///
/// # Errors
/// If they cannot be read, are given twice, or the strategy has no use for them.
pub fn of(strategy: &str, beside: Option<&str>) -> anyhow::Result<Option<Vec<Objective>>> {
    let method = Method::parse(strategy)?;
    match (method.known.name == NSGA2, method.text("objectives"), beside) {
        (true, Some(_), Some(_)) => {
            Err(usage(format!("`{strategy}` sets the objectives already; set them there or apart from it")))
        }
        (true, Some(text), None) | (true, None, Some(text)) => parse(text).map(Some),
        (true, None, None) => Ok(Some(USUAL.to_vec())),
        (false, _, Some(_)) => {
            Err(usage(format!("`{strategy}` optimises accuracy alone; for several objectives take --strategy {NSGA2}")))
        }
        (false, _, None) => Ok(None),
    }
}

/// Whether a search measures latency: to record it, to limit it, or as an objective.
pub fn measures_latency(search: &SearchConfig) -> bool {
    search.latency
        || search.max_latency_ms.is_some()
        || is_latency_asked(&search.strategy, search.objectives.as_deref())
}

/// The same of what was said, which may make no sense.
pub fn wants_latency(said: &Search, strategy: &str) -> bool {
    let asked = said.latency == Some(true) || said.max_latency_ms.is_some();
    asked || is_latency_asked(strategy, said.objectives.as_deref())
}

fn is_latency_asked(strategy: &str, beside: Option<&str>) -> bool {
    of(strategy, beside).ok().flatten().is_some_and(|objectives| objectives.contains(&Objective::Latency))
}

/// The strategy that what was said asks for, where none is named.
pub fn usual_strategy(said: &Search) -> &'static str {
    if said.objectives.is_some() { NSGA2 } else { "evolution" }
}

/// Refuses what makes no sense.
///
/// # Errors
/// Names what is wrong.
pub fn check(said: &Search) -> anyhow::Result<()> {
    of(said.strategy.as_deref().unwrap_or(usual_strategy(said)), said.objectives.as_deref())?;
    // Written so that NaN is refused too.
    match said.max_latency_ms {
        Some(limit) if !(limit > 0.0 && limit.is_finite()) => {
            Err(usage(format!("max_latency_ms = {limit}: a limit is a number of milliseconds above zero")))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn objectives_are_read_in_both_forms() {
        use Objective::{Accuracy, Flops, Latency, Parameters};
        assert_eq!(parse("accuracy,params,flops,latency").unwrap(), [Accuracy, Parameters, Flops, Latency]);
        assert_eq!(parse("accuracy+latency").unwrap(), [Accuracy, Latency]);
        let message = parse("accuracy,latecy").unwrap_err().to_string();
        assert!(message.contains("no objective `latecy`") && message.ends_with("did you mean `latency`?"), "{message}");
    }

    #[test]
    fn only_one_strategy_has_several() {
        assert_eq!(of("evolution", None).unwrap(), None);
        assert_eq!(of("nsga2", None).unwrap(), Some(USUAL.to_vec()));
        assert_eq!(of("nsga2:objectives=accuracy+flops", None).unwrap().unwrap()[1], Objective::Flops);
        let message = |strategy| of(strategy, Some("accuracy,flops")).unwrap_err().to_string();
        assert_eq!(
            message("random"),
            "`random` optimises accuracy alone; for several objectives take --strategy nsga2"
        );
        assert!(message("nsga2:objectives=accuracy+flops").contains("sets the objectives already"));
    }
}
