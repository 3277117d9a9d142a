//! The benchmark's hash of a cell: equal for isomorphic cells, and different for all others of the space (Ying et al.
//! 2019, section 2.2). Each vertex begins with the MD5 of its degrees and its label, and takes in the hashes of its
//! neighbours as many times as there are vertices; the hash of them all, sorted, is the cell's.
//!
//! The texts that are hashed are those of the reference implementation, which writes tuples and lists as Python does.

use md5::{Digest, Md5};

use super::cell::Cell;

/// Labels of input and output.
const INPUT: i32 = -1;
const OUTPUT: i32 = -2;

type Hex = [u8; 32];

/// The hash as bytes.
pub(super) fn digest(cell: &Cell) -> [u8; 16] {
    let vertices = cell.vertices();
    let mut hashes: Vec<Hex> = (0..vertices)
        .map(|v| {
            let outputs = (v + 1..vertices).filter(|&to| cell.has_edge(v, to)).count();
            let inputs = cell.inputs(v).len();
            let label = match v {
                0 => INPUT,
                _ if v + 1 == vertices => OUTPUT,
                _ => cell.operations()[v - 1] as i32,
            };
            digits(&md5(format!("({outputs}, {inputs}, {label})").as_bytes()))
        })
        .collect();
    let mut text = Vec::with_capacity(32 * vertices + 2);
    for _ in 0..vertices {
        let old = hashes.clone();
        for (v, hash) in hashes.iter_mut().enumerate() {
            text.clear();
            join(&mut text, (0..v).filter(|&w| cell.has_edge(w, v)).map(|w| old[w]).collect());
            text.push(b'|');
            join(&mut text, (v + 1..vertices).filter(|&w| cell.has_edge(v, w)).map(|w| old[w]).collect());
            text.push(b'|');
            text.extend(old[v]);
            *hash = digits(&md5(&text));
        }
    }
    hashes.sort_unstable();
    text.clear();
    for (v, hash) in hashes.iter().enumerate() {
        text.extend(if v == 0 { &b"['"[..] } else { &b"', '"[..] });
        text.extend(hash);
    }
    text.extend(b"']");
    md5(&text)
}

fn join(text: &mut Vec<u8>, mut hashes: Vec<Hex>) {
    hashes.sort_unstable();
    text.extend(hashes.iter().flatten());
}

fn md5(text: &[u8]) -> [u8; 16] {
    Md5::digest(text).into()
}

fn digits(hash: &[u8; 16]) -> Hex {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    std::array::from_fn(|i| {
        let byte = hash[i / 2];
        DIGITS[usize::from(if i % 2 == 0 { byte >> 4 } else { byte & 15 })]
    })
}

/// The hash in hexadecimal digits.
pub(super) fn hex(hash: &[u8; 16]) -> String {
    digits(hash).iter().map(|&digit| char::from(digit)).collect()
}

/// The bytes of 32 hexadecimal digits of either case, or `None` if the text is something else.
pub(super) fn from_hex(text: &str) -> Option<[u8; 16]> {
    if text.len() != 32 || !text.bytes().all(|b| b.is_ascii_hexdigit()) {
        return None;
    }
    u128::from_str_radix(text, 16).ok().map(u128::to_be_bytes)
}
