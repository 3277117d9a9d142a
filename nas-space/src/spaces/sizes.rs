//! Which sizes a network may have, where a space leaves that not quite open.

use crate::{NetworkConfig, SpaceError};

/// The number of layers nearest to `wanted` that three equal stages can have.
pub(crate) fn nearest_three_stages(wanted: usize) -> usize {
    ((wanted + 1) / 3 * 3).max(3)
}

/// Checks the size of a network of three equal stages without an auxiliary classifier; `name` is whose network it is.
pub(crate) fn check_three_stages(name: &str, config: &NetworkConfig) -> Result<(), SpaceError> {
    config.check()?;
    if !config.layers.is_multiple_of(3) {
        let reason = format!("a {name} network has three equal stages, so it must be a multiple of 3");
        return Err(SpaceError::Config { setting: "layers", value: config.layers.to_string(), reason });
    }
    check_no_auxiliary(name, config)
}

pub(crate) fn check_no_auxiliary(name: &str, config: &NetworkConfig) -> Result<(), SpaceError> {
    if config.auxiliary {
        let reason = format!("a {name} network has no auxiliary classifier; use false");
        return Err(SpaceError::Config { setting: "auxiliary", value: "true".into(), reason });
    }
    Ok(())
}

/// Checks the size of a network whose layers the decisions choose one by one.
pub(crate) fn check_depth(space: &str, depth: usize, config: &NetworkConfig) -> Result<(), SpaceError> {
    config.check()?;
    if config.layers != depth {
        let reason = format!("the space `{space}` decides each layer by itself, so it must be {depth}");
        return Err(SpaceError::Config { setting: "layers", value: config.layers.to_string(), reason });
    }
    Ok(())
}
