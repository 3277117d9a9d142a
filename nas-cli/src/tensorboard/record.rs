//! The framing of TensorFlow's record files: length, checksum of the length, bytes, checksum of the bytes.
//!
//! Numbers are little-endian. The checksums are CRC-32C (Castagnoli), masked, because a checksum of bytes that hold
//! checksums says little: rotated right by 15 bits, then a constant is added.

/// Bytes before the content: its length, and the checksum of that.
const HEAD: usize = 12;
/// Bytes behind the content: its checksum.
const TAIL: usize = 4;

fn masked(bytes: &[u8]) -> [u8; 4] {
    crc32c::crc32c(bytes).rotate_right(15).wrapping_add(0xa282_ead8).to_le_bytes()
}

/// One record.
pub(super) fn frame(content: &[u8]) -> Vec<u8> {
    let length = (content.len() as u64).to_le_bytes();
    [&length[..], &masked(&length), content, &masked(content)].concat()
}

/// The contents of a file's records, up to the first that is cut short or damaged: what a kill left behind.
pub(super) fn contents(mut file: &[u8]) -> Vec<&[u8]> {
    let mut found = Vec::new();
    while let Some((content, rest)) = first(file) {
        found.push(content);
        file = rest;
    }
    found
}

fn first(file: &[u8]) -> Option<(&[u8], &[u8])> {
    let (head, rest) = file.split_at_checked(HEAD)?;
    let (length, sum) = head.split_at(8);
    if sum != masked(length) {
        return None;
    }
    let length = u64::from_le_bytes(length.try_into().ok()?);
    let (content, rest) = rest.split_at_checked(usize::try_from(length).ok()?)?;
    let (sum, rest) = rest.split_at_checked(TAIL)?;
    (sum == masked(content)).then_some((content, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_checksum_is_castagnoli_s() {
        // The check value of CRC-32C, and RFC 3720, B.4: 32 bytes of zeros.
        assert_eq!(crc32c::crc32c(b"123456789"), 0xe306_9283);
        assert_eq!(crc32c::crc32c(&[0; 32]), 0x8a91_36aa);
    }

    #[test]
    fn a_record_has_the_bytes_that_tensorboard_writes() {
        // What the writer of TensorBoard 2.21 makes of these five bytes.
        let expect =
            [5, 0, 0, 0, 0, 0, 0, 0, 0xea, 0xb2, 0x04, 0x3e, b'h', b'e', b'l', b'l', b'o', 0xbb, 0x1f, 0x1c, 0x19];
        assert_eq!(frame(b"hello"), expect);
    }

    #[test]
    fn what_is_cut_short_or_damaged_ends_the_file() {
        let whole = [frame(b"one"), frame(b""), frame(b"three")].concat();
        assert_eq!(contents(&whole), [&b"one"[..], b"", b"three"]);
        for end in 0..whole.len() {
            assert!(contents(&whole[..end]).len() < 3, "{end}");
        }
        let second = frame(b"one").len();
        for at in second..second + HEAD {
            let mut damaged = whole.clone();
            damaged[at] ^= 4;
            assert_eq!(contents(&damaged), [b"one"], "{at}");
        }
    }
}
