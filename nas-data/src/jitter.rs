//! Colour jitter: brightness, contrast, saturation and hue change a little, in a random order.

use nas_space::Seed;
use rand::RngExt;
use rand::seq::SliceRandom;

/// The share of red, green and blue in how bright a pixel looks (ITU-R BT.601).
const LUMA: [f32; 3] = [0.299, 0.587, 0.114];

/// How far the colours of one image are moved.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Jitter {
    /// Factors of brightness, contrast and saturation, and the turn of the hue as a part of the circle.
    moves: [Move; 4],
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Move {
    Brightness(f32),
    Contrast(f32),
    Saturation(f32),
    Hue(f32),
}

impl Jitter {
    /// Factors from `1 - strength` to `1 + strength`, and a turn of up to half of `strength` either way.
    pub(crate) fn draw(strength: f64, seed: Seed) -> Self {
        let mut rng = seed.rng();
        let strength = strength as f32;
        let mut factor = |around: f32, by: f32| around + by * rng.random_range(-1.0..=1.0_f32);
        let mut moves = [
            Move::Brightness(factor(1.0, strength)),
            Move::Contrast(factor(1.0, strength)),
            Move::Saturation(factor(1.0, strength)),
            Move::Hue(factor(0.0, strength / 2.0)),
        ];
        moves.shuffle(&mut rng);
        Self { moves }
    }

    /// Moves the colours of an image `[channel, pixel]`. Of a grey one, brightness and contrast are all there is.
    pub(crate) fn apply(&self, image: &mut [u8], channels: usize) {
        for &step in &self.moves {
            match step {
                Move::Brightness(factor) => each(image, |value| value * factor),
                Move::Contrast(factor) => {
                    let mean = mean_brightness(image, channels);
                    each(image, |value| mean + (value - mean) * factor);
                }
                Move::Saturation(factor) => each_colour(image, channels, |colour| {
                    let grey = brightness(colour);
                    colour.map(|value| grey + (value - grey) * factor)
                }),
                Move::Hue(turn) => each_colour(image, channels, |colour| turned(colour, turn)),
            }
        }
    }
}

fn byte(value: f32) -> u8 {
    // The cast saturates.
    (value + 0.5) as u8
}

fn each(image: &mut [u8], change: impl Fn(f32) -> f32) {
    image.iter_mut().for_each(|value| *value = byte(change(f32::from(*value))));
}

fn each_colour(image: &mut [u8], channels: usize, change: impl Fn([f32; 3]) -> [f32; 3]) {
    if channels != 3 {
        return;
    }
    let (red, rest) = image.split_at_mut(image.len() / 3);
    let (green, blue) = rest.split_at_mut(red.len());
    for ((red, green), blue) in red.iter_mut().zip(green).zip(blue) {
        let changed = change([*red, *green, *blue].map(f32::from));
        [*red, *green, *blue] = changed.map(byte);
    }
}

fn brightness(colour: [f32; 3]) -> f32 {
    colour.iter().zip(LUMA).map(|(value, share)| value * share).sum()
}

/// The mean of how bright the pixels look. The sums are whole numbers, so the result is exact.
fn mean_brightness(image: &[u8], channels: usize) -> f32 {
    let pixels = image.len() / channels.max(1);
    let mean = |plane: &[u8]| plane.iter().map(|&value| u64::from(value)).sum::<u64>() as f32 / pixels.max(1) as f32;
    match channels {
        3 => {
            let mut planes = image.chunks_exact(pixels.max(1)).map(mean);
            brightness(std::array::from_fn(|_| planes.next().unwrap_or(0.0)))
        }
        _ => mean(image),
    }
}

/// A colour with its hue turned by a part of the circle; value and saturation stay.
fn turned([red, green, blue]: [f32; 3], turn: f32) -> [f32; 3] {
    let (top, bottom) = (red.max(green).max(blue), red.min(green).min(blue));
    let span = top - bottom;
    if span == 0.0 {
        return [red, green, blue];
    }
    let sixth = match top {
        top if top == red => (green - blue) / span,
        top if top == green => 2.0 + (blue - red) / span,
        _ => 4.0 + (red - green) / span,
    };
    let hue = (sixth + 6.0 * turn).rem_euclid(6.0);
    // Each primary is full within a sixth of its own hue either way, and gone beyond two.
    [0.0, 2.0, 4.0].map(|own| {
        let apart = (hue - own).abs();
        bottom + span * (2.0 - apart.min(6.0 - apart)).clamp(0.0, 1.0)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_move_by_hand() {
        let check = |step: Move, expect: [u8; 6]| {
            // Two pixels: orange and dark grey.
            let mut image = [200, 50, 110, 50, 0, 50];
            Jitter { moves: [step, Move::Hue(0.0), Move::Brightness(1.0), Move::Saturation(1.0)] }.apply(&mut image, 3);
            assert_eq!(image, expect, "{step:?}");
        };
        check(Move::Brightness(1.5), [255, 75, 165, 75, 0, 75]);
        check(Move::Contrast(0.0), [87; 6]); // 0.299 * 125 + 0.587 * 80 + 0.114 * 25
        check(Move::Saturation(0.0), [124, 50, 124, 50, 124, 50]);
        check(Move::Hue(1.0 / 3.0), [0, 50, 200, 50, 110, 50]);
        check(Move::Hue(0.5), [0, 50, 90, 50, 200, 50]);
    }

    #[test]
    fn a_grey_image_has_no_hue() {
        let mut image = [10, 20, 30];
        Jitter { moves: [Move::Hue(0.3), Move::Saturation(0.0), Move::Contrast(2.0), Move::Brightness(1.0)] }
            .apply(&mut image, 1);
        assert_eq!(image, [0, 20, 40]);
    }

    #[test]
    fn factors_stay_within_the_strength_and_the_order_varies() {
        let mut first = std::collections::BTreeSet::new();
        for index in 0..200 {
            let Jitter { moves } = Jitter::draw(0.4, Seed::new(1).index(index));
            for step in moves {
                let (off, most) = match step {
                    Move::Brightness(f) | Move::Contrast(f) | Move::Saturation(f) => (f - 1.0, 0.4),
                    Move::Hue(turn) => (turn, 0.2),
                };
                assert!(off.abs() <= most + 1e-6, "{step:?}");
            }
            first.insert(format!("{:?}", moves[0]).chars().next());
        }
        assert_eq!(first.len(), 4);
    }
}
