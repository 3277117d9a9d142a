//! How a window is padded so that rows and columns are divided by its stride and rounded up.

use crate::Window;

/// Where the padding lies. With stride 1 and an odd kernel there is one way only.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Padding {
    /// As much before as after, whatever the size (PyTorch's habit). An even kernel has one more after.
    Symmetric,
    /// As little as possible, the odd pixel after (TensorFlow's "SAME").
    Least,
}

impl Padding {
    /// A window on a map of `size` (rows, columns); `kernel` and `stride` are (rows, columns), too.
    pub(crate) fn window(self, size: [usize; 2], kernel: [usize; 2], stride: [usize; 2], dilation: usize) -> Window {
        let mut window = Window { kernel, stride, before: [0; 2], after: [0; 2], dilation: [dilation; 2] };
        for axis in 0..2 {
            let reach = dilation * (kernel[axis] - 1);
            let total = match self {
                Self::Symmetric => reach,
                Self::Least => {
                    ((size[axis].div_ceil(stride[axis]) - 1) * stride[axis] + reach + 1).saturating_sub(size[axis])
                }
            };
            window.before[axis] = (total / 2) as isize;
            window.after[axis] = (total - total / 2) as isize;
        }
        window
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_window_divides_and_rounds_up() {
        for padding in [Padding::Symmetric, Padding::Least] {
            for size in 1..20 {
                for kernel in 1..8 {
                    for stride in 1..3 {
                        for dilation in 1..3 {
                            let window = padding.window([size, size + 1], [kernel, 3], [stride; 2], dilation);
                            let expect = [size.div_ceil(stride), (size + 1).div_ceil(stride)];
                            assert_eq!(window.output([size, size + 1]), Some(expect), "{window:?}");
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn the_least_padding_is_tensorflow_s() {
        let check = |size: usize, kernel: usize, stride: usize, before: isize, after: isize| {
            let window = Padding::Least.window([size; 2], [kernel; 2], [stride; 2], 1);
            assert_eq!((window.before, window.after), ([before; 2], [after; 2]), "{size} {kernel} {stride}");
        };
        check(32, 3, 1, 1, 1);
        check(32, 3, 2, 0, 1);
        check(33, 3, 2, 1, 1);
        check(32, 7, 2, 2, 3);
        check(8, 2, 2, 0, 0);
        check(7, 2, 1, 0, 1);
        check(32, 1, 2, 0, 0);
        assert_eq!(Padding::Symmetric.window([32; 2], [5; 2], [2; 2], 2), Window::same(5, 2, 2));
    }
}
