//! A warm start, and proxies in the place of training, as they are asked for: `proxy:synflow:500`, `proxy:naswot`.

use nas_nn::proxy::Proxy;

use crate::exit::usage;
use crate::strategies::hint;

/// What both begin with.
pub const PROXY: &str = "proxy";

/// Random architectures scored where no number is given.
const SCORED: u64 = 100;

/// Images of the minibatch that proxies look at.
pub const IMAGES: usize = 64;

/// A warm start: so many random architectures are scored by a proxy, and the best are the strategy's first trials.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct WarmStart {
    /// The proxy.
    pub proxy: Proxy,
    /// Random architectures scored.
    pub scored: u64,
}

/// Reads `proxy:NAME` or `proxy:NAME:N`.
///
/// # Errors
/// Says how it is written, and lists the proxies.
pub fn parse(text: &str) -> anyhow::Result<WarmStart> {
    let parts: Vec<&str> = text.split(':').map(str::trim).collect();
    let fault = || {
        usage(format!(
            "`{text}` is no warm start; write it as {PROXY}:synflow, or {PROXY}:synflow:500 to score 500 architectures"
        ))
    };
    match parts[..] {
        [PROXY, name] => Ok(WarmStart { proxy: proxy(name)?, scored: SCORED }),
        [PROXY, name, count] => {
            let scored = count.parse().ok().filter(|count| *count > 0).ok_or_else(fault)?;
            Ok(WarmStart { proxy: proxy(name)?, scored })
        }
        _ => Err(fault()),
    }
}

/// The proxy that takes the place of training, if an evaluator asks for one: `proxy:NAME`.
///
/// # Errors
/// Lists the proxies.
pub fn evaluator(text: &str) -> anyhow::Result<Option<Proxy>> {
    match text.split_once(':').map(|(kind, name)| (kind.trim(), name.trim())) {
        Some((PROXY, name)) => proxy(name).map(Some),
        _ if text.trim() == PROXY => Err(usage(format!(
            "which proxy? write the evaluator as {PROXY}:NAME; the proxies are {}",
            names().join(", ")
        ))),
        _ => Ok(None),
    }
}

/// The proxy of a name.
///
/// # Errors
/// Lists them, and suggests the nearest.
pub fn proxy(name: &str) -> anyhow::Result<Proxy> {
    let names = names();
    Proxy::by_name(name).ok_or_else(|| {
        let known = names.join(", ");
        usage(format!("there is no zero-cost proxy `{name}`; the proxies are {known}{}", hint(name, &names)))
    })
}

fn names() -> [&'static str; 5] {
    Proxy::ALL.map(Proxy::name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn warm_starts_are_read() {
        assert_eq!(parse("proxy:synflow").unwrap(), WarmStart { proxy: Proxy::Synflow, scored: 100 });
        assert_eq!(parse("proxy:jacob_cov:7").unwrap(), WarmStart { proxy: Proxy::JacobCov, scored: 7 });
        let message = |text| parse(text).unwrap_err().to_string();
        for text in ["synflow", "proxy", "proxy:synflow:0", "proxy:synflow:many", "proxy:synflow:1:2"] {
            assert!(message(text).starts_with(&format!("`{text}` is no warm start; write it as")), "{}", message(text));
        }
        let expect = "there is no zero-cost proxy `sinflow`; the proxies are synflow, naswot, jacob_cov, snip, grad_norm; did \
                      you mean `synflow`?";
        assert_eq!(message("proxy:sinflow"), expect);
    }

    #[test]
    fn proxies_are_evaluators_too() {
        assert_eq!(evaluator("proxy:naswot").unwrap(), Some(Proxy::Naswot));
        assert_eq!(evaluator("train").unwrap(), None);
        assert_eq!(evaluator("supernet:epochs=3").unwrap(), None);
        assert!(evaluator("proxy").unwrap_err().to_string().contains("write the evaluator as proxy:NAME"));
        assert!(evaluator("proxy:nas").is_err());
    }
}
