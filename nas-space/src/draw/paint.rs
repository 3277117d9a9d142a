//! The look of operations: a hue for each family, deeper for larger windows, on light and on dark paper.

use crate::Operation;

/// Operations that look alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Family {
    /// Zeros.
    None,
    /// The identity.
    Identity,
    /// Maximum.
    MaxPool,
    /// Mean.
    AveragePool,
    /// Dense convolutions.
    Convolution,
    /// Depthwise and 1x1 convolutions.
    Separable,
    /// Convolutions with gaps.
    Dilated,
    /// Inverted residual blocks.
    Inverted,
}

/// The look of one operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Paint {
    /// Its hue.
    pub family: Family,
    /// The longer side of its window, which makes it deeper.
    pub window: usize,
}

type Rgb = [u8; 3];

/// Paper and ink, light and dark.
pub(super) const PAPER: [Rgb; 2] = [[255, 255, 255], [13, 17, 23]];
pub(super) const INK: [Rgb; 2] = [[31, 35, 40], [230, 237, 243]];
/// Lines, and the outlines of boxes that are no operations.
pub(super) const LINE: [Rgb; 2] = [[110, 119, 129], [139, 148, 158]];
/// What inputs and outputs are filled with.
pub(super) const SHADE: [Rgb; 2] = [[234, 238, 242], [38, 44, 54]];
/// Arcs, told apart by where they begin.
pub(super) const ARCS: [[Rgb; 2]; 6] = [
    [[9, 105, 218], [88, 166, 255]],
    [[188, 76, 0], [240, 136, 62]],
    [[26, 127, 55], [86, 211, 100]],
    [[130, 80, 223], [188, 140, 255]],
    [[191, 57, 137], [247, 120, 186]],
    [[154, 103, 0], [227, 179, 65]],
];

impl Family {
    /// What the legend calls it.
    pub fn name(self) -> &'static str {
        match self {
            Self::None => "zeros",
            Self::Identity => "identity",
            Self::MaxPool => "max pooling",
            Self::AveragePool => "average pooling",
            Self::Convolution => "convolution",
            Self::Separable => "separable convolution",
            Self::Dilated => "dilated convolution",
            Self::Inverted => "inverted residual block",
        }
    }

    /// Its word in the names of styles.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Identity => "identity",
            Self::MaxPool => "max",
            Self::AveragePool => "average",
            Self::Convolution => "conv",
            Self::Separable => "sep",
            Self::Dilated => "dil",
            Self::Inverted => "inverted",
        }
    }

    /// Its hue on light and on dark paper.
    fn hue(self) -> [Rgb; 2] {
        match self {
            Self::None => [[140, 149, 159], [110, 118, 129]],
            Self::Identity => [[87, 96, 106], [139, 148, 158]],
            Self::MaxPool => [[207, 34, 46], [255, 123, 114]],
            Self::AveragePool => [[188, 106, 0], [240, 160, 70]],
            Self::Convolution => [[17, 120, 60], [86, 200, 110]],
            Self::Separable => [[9, 105, 218], [88, 166, 255]],
            Self::Dilated => [[130, 80, 223], [188, 140, 255]],
            Self::Inverted => [[191, 57, 137], [247, 120, 186]],
        }
    }
}

impl Paint {
    /// The look of an operation of cell spaces.
    pub fn of(operation: Operation) -> Self {
        use Operation as O;
        let (family, window) = match operation {
            O::None => (Family::None, 1),
            O::SkipConnect => (Family::Identity, 1),
            O::MaxPool2x2 => (Family::MaxPool, 2),
            O::MaxPool3x3 => (Family::MaxPool, 3),
            O::MaxPool5x5 => (Family::MaxPool, 5),
            O::MaxPool7x7 => (Family::MaxPool, 7),
            O::AvgPool3x3 => (Family::AveragePool, 3),
            O::NorConv1x1 | O::Conv1x1 => (Family::Convolution, 1),
            O::NorConv3x3 | O::Conv3x3 | O::Conv1x3Conv3x1 => (Family::Convolution, 3),
            O::Conv7x1Conv1x7 | O::Conv1x7Conv7x1 => (Family::Convolution, 7),
            O::SepConv3x3 => (Family::Separable, 3),
            O::SepConv5x5 => (Family::Separable, 5),
            O::SepConv7x7 => (Family::Separable, 7),
            O::DilConv3x3 | O::DilSepConv3x3 | O::DilatedConv3x3 => (Family::Dilated, 3),
            O::DilConv5x5 | O::DilSepConv5x5 => (Family::Dilated, 5),
        };
        Self { family, window }
    }

    /// The name of its style.
    pub(super) fn class(self) -> String {
        format!("nas-{}-{}", self.family.word(), self.window)
    }

    /// What it is filled with: its hue, thinned with paper.
    pub(super) fn fill(self) -> [Rgb; 2] {
        let percent = if self.family == Family::None { 0 } else { 10 + 5 * self.window.min(7) as u32 };
        let hue = self.family.hue();
        [mix(hue[0], PAPER[0], percent), mix(hue[1], PAPER[1], percent)]
    }

    /// Its outline.
    pub(super) fn stroke(self) -> [Rgb; 2] {
        self.family.hue()
    }
}

fn mix(colour: Rgb, paper: Rgb, percent: u32) -> Rgb {
    std::array::from_fn(|i| {
        let mixed = (u32::from(colour[i]) * percent + u32::from(paper[i]) * (100 - percent) + 50) / 100;
        u8::try_from(mixed).expect("a mean of bytes is a byte")
    })
}

/// A colour as style sheets and DOT write it.
pub(super) fn hex([red, green, blue]: Rgb) -> String {
    format!("#{red:02x}{green:02x}{blue:02x}")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The contrast of two colours as the accessibility guidelines of the web define it (WCAG 2.1, 1.4.3).
    fn contrast(a: Rgb, b: Rgb) -> f64 {
        let luminance = |colour: Rgb| {
            let linear = colour.map(|byte| {
                let c = f64::from(byte) / 255.0;
                if c <= 0.03928 { c / 12.92 } else { ((c + 0.055) / 1.055).powf(2.4) }
            });
            0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
        };
        let (a, b) = (luminance(a), luminance(b));
        (a.max(b) + 0.05) / (a.min(b) + 0.05)
    }

    #[test]
    fn text_can_be_read_on_every_fill() {
        for paper in 0..2 {
            assert!(contrast(INK[paper], PAPER[paper]) >= 7.0);
            assert!(contrast(INK[paper], SHADE[paper]) >= 7.0);
            assert!(contrast(LINE[paper], PAPER[paper]) >= 3.0);
            for operation in Operation::ALL {
                let paint = Paint::of(operation);
                let found = contrast(INK[paper], paint.fill()[paper]);
                assert!(found >= 4.5, "{operation} on paper {paper}: {found:.2}");
                let outline = contrast(paint.stroke()[paper], PAPER[paper]);
                assert!(outline >= 3.0, "{operation} on paper {paper}: {outline:.2}");
            }
            for arc in ARCS {
                assert!(contrast(arc[paper], PAPER[paper]) >= 3.0, "{arc:?}");
            }
        }
    }
}
