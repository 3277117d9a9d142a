//! Windows of pictures of any size, brought to the one size that a network reads.

use image::DynamicImage;
use image::imageops::FilterType;
use nas_space::Seed;
use rand::RngExt;

/// The share of a picture's shorter side that is looked at in evaluation: 224 of 256 pixels, as usual on ImageNet.
const CENTRE: f64 = 224.0 / 256.0;

/// The widest proportions, width to height, of a random window (Szegedy et al. 2015).
const WIDEST: f64 = 4.0 / 3.0;

/// Windows drawn before the largest one around the centre is taken instead.
const ATTEMPTS: usize = 10;

/// A part of a picture, in its pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Window {
    pub(crate) top: u32,
    pub(crate) left: u32,
    pub(crate) height: u32,
    pub(crate) width: u32,
}

impl Window {
    /// The window around the centre with so large a share of the largest one of the proportions `width` to `height`.
    fn around_centre(picture: (u32, u32), (height, width): (usize, usize), share: f64) -> Self {
        let (rows, columns) = (f64::from(picture.0), f64::from(picture.1));
        let ratio = width as f64 / height as f64;
        let (tall, wide) = if columns / rows > ratio { (rows, rows * ratio) } else { (columns / ratio, columns) };
        let side = |length: f64, most: u32| ((length * share).round() as u32).clamp(1, most);
        let (height, width) = (side(tall, picture.0), side(wide, picture.1));
        Self { top: (picture.0 - height) / 2, left: (picture.1 - width) / 2, height, width }
    }

    /// What is looked at in evaluation, of a picture of (height, width), for a network that reads (height, width).
    pub(crate) fn centre(picture: (u32, u32), target: (usize, usize)) -> Self {
        Self::around_centre(picture, target, CENTRE)
    }

    /// A random window (Szegedy et al. 2015, section 6): its area is a share of the picture's, uniform from `least` to 1,
    /// its proportions lie between 3:4 and 4:3, uniform in the logarithm.
    pub(crate) fn random(picture: (u32, u32), target: (usize, usize), least: f64, seed: Seed) -> Self {
        let mut rng = seed.rng();
        let area = f64::from(picture.0) * f64::from(picture.1);
        for _ in 0..ATTEMPTS {
            let wanted = area * rng.random_range(least..=1.0);
            let ratio = rng.random_range(-WIDEST.ln()..=WIDEST.ln()).exp();
            let (height, width) = ((wanted / ratio).sqrt().round() as u32, (wanted * ratio).sqrt().round() as u32);
            if (1..=picture.0).contains(&height) && (1..=picture.1).contains(&width) {
                let top = rng.random_range(0..=picture.0 - height);
                return Self { top, left: rng.random_range(0..=picture.1 - width), height, width };
            }
        }
        Self::around_centre(picture, target, 1.0)
    }

    /// The window, at another size (height, width).
    pub(crate) fn cut(self, picture: &DynamicImage, (height, width): (usize, usize)) -> DynamicImage {
        let Self { top, left, .. } = self;
        let window = picture.crop_imm(left, top, self.width, self.height);
        if (self.height as usize, self.width as usize) == (height, width) {
            return window;
        }
        window.resize_exact(width as u32, height as u32, FilterType::Triangle)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn window(top: u32, left: u32, height: u32, width: u32) -> Window {
        Window { top, left, height, width }
    }

    #[test]
    fn evaluation_looks_at_seven_eighths_of_the_shorter_side() {
        assert_eq!(Window::centre((256, 256), (224, 224)), window(16, 16, 224, 224));
        assert_eq!(Window::centre((256, 512), (32, 32)), window(16, 144, 224, 224));
        assert_eq!(Window::centre((64, 32), (8, 16)), window(25, 2, 14, 28));
        assert_eq!(Window::centre((1, 9), (8, 8)), window(0, 4, 1, 1));
    }

    #[test]
    fn random_windows_lie_in_the_picture_and_are_as_large_as_said() {
        let (mut least, mut most) = (f64::INFINITY, 0.0_f64);
        for index in 0..2_000 {
            let Window { top, left, height, width } =
                Window::random((100, 150), (32, 32), 0.25, Seed::new(1).index(index));
            assert!(top + height <= 100 && left + width <= 150 && height > 0 && width > 0);
            let (area, ratio) = (f64::from(height * width) / 15_000.0, f64::from(width) / f64::from(height));
            assert!((0.24..=1.0).contains(&area) && (0.73..1.37).contains(&ratio), "{height}x{width}");
            (least, most) = (least.min(area), most.max(area));
        }
        assert!(least < 0.27 && most > 0.8, "{least} to {most}");
    }

    #[test]
    fn a_picture_too_narrow_for_any_window_gives_its_centre() {
        assert_eq!(Window::random((4, 400), (32, 32), 0.5, Seed::new(2)), window(0, 198, 4, 4));
    }
}
