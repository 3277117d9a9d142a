//! A folder of made-up photographs: small bitmaps that are not square, in colour, three classes of them.

use std::fs;
use std::io;
use std::path::Path;

const COLUMNS: usize = 37;
const ROWS: usize = 26;
const CLASSES: [&str; 3] = ["blue", "green", "red"];
const IMAGES: u32 = 24;

/// Writes the folder: noise, in which one colour is brighter.
pub(crate) fn write(folder: &Path) -> io::Result<()> {
    let mut state = 1_u32;
    // A linear congruential generator: the same images everywhere.
    let mut noise = move || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24) as u8
    };
    for (bright, class) in CLASSES.iter().enumerate() {
        fs::create_dir_all(folder.join(class))?;
        for number in 0..IMAGES {
            let pixel = |channel: usize, noise: u8| if channel == bright { 128 + noise / 2 } else { noise / 2 };
            let pixels: Vec<u8> = (0..ROWS * COLUMNS * 3).map(|at| pixel(at % 3, noise())).collect();
            fs::write(folder.join(class).join(format!("{number}.bmp")), bitmap(&pixels))?;
        }
    }
    Ok(())
}

/// A Windows bitmap of 24 bits a pixel: two headers, then rows of blue, green and red, each filled up to four bytes.
fn bitmap(pixels: &[u8]) -> Vec<u8> {
    const HEADERS: u32 = 54;
    let stride = (COLUMNS * 3).next_multiple_of(4);
    let mut bytes = b"BM".to_vec();
    let mut number = |value: u32| bytes.extend_from_slice(&value.to_le_bytes());
    number(HEADERS + (stride * ROWS) as u32);
    number(0);
    number(HEADERS);
    number(40);
    number(COLUMNS as u32);
    number(ROWS as u32);
    // One plane of 24 bits, two numbers in one.
    number(1 | (24 << 16));
    (0..6).for_each(|_| number(0));
    for row in pixels.chunks(COLUMNS * 3) {
        bytes.extend_from_slice(row);
        bytes.resize(bytes.len() + stride - row.len(), 0);
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bitmap_has_the_size_that_it_says() {
        let bytes = bitmap(&[7; ROWS * COLUMNS * 3]);
        let said = u32::from_le_bytes(bytes[2..6].try_into().unwrap());
        assert_eq!((bytes.len() as u32, said), (54 + 26 * 112, 54 + 26 * 112));
    }
}
