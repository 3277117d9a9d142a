//! The ladders of network sizes that the rule climbs.

use serde::{Deserialize, Serialize};

/// Channels of the first cells, and number of cells.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Size {
    /// Channels.
    pub channels: usize,
    /// Cells.
    pub layers: usize,
}

const fn size(channels: usize, layers: usize) -> Size {
    Size { channels, layers }
}

/// Networks searched, smallest first. Activations lie in blocks of eight channels, so that 12 would cost as much as 16.
pub const SEARCH_SIZES: [Size; 3] = [size(8, 5), size(16, 5), size(16, 8)];

/// Final networks, smallest first; the last is the paper's.
pub const FINAL_SIZES: [Size; 7] =
    [size(8, 5), size(16, 5), size(16, 8), size(24, 8), size(24, 11), size(36, 14), size(36, 20)];

/// The final network where no time is given.
pub const FINAL_DEFAULT: Size = size(16, 5);

/// The largest size of a ladder that `fits`, or its smallest that can be built at all. Stops at the first that does
/// not fit: what is larger does not either.
pub fn climb(ladder: &[Size], mut fits: impl FnMut(Size) -> bool) -> Size {
    ladder.iter().copied().take_while(|&s| fits(s)).last().unwrap_or(ladder[0])
}
