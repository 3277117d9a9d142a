//! Readers on texts that are nearly right: seeds of every form, with bytes changed, removed, doubled and crossed.

mod targets;

use nas_space::{Blueprint, Seed};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;

/// A few changes of the kinds that fuzzers make; not necessarily another text.
fn changed(seeds: &[String], rng: &mut ChaCha8Rng) -> String {
    let mut text = seeds[rng.random_range(0..seeds.len())].clone().into_bytes();
    // Half of them change digits only: those are often valid still.
    let digits: Vec<usize> = (0..text.len()).filter(|&at| text[at].is_ascii_digit()).collect();
    if rng.random_bool(0.5) && !digits.is_empty() {
        text[digits[rng.random_range(0..digits.len())]] = b'0' + rng.random_range(0..8_u8);
        return String::from_utf8(text).expect("a digit for a digit leaves it text");
    }
    for _ in 0..rng.random_range(1..4) {
        let other = seeds[rng.random_range(0..seeds.len())].as_bytes();
        let mut cut = |bytes: &[u8]| {
            let (a, b) = (rng.random_range(0..=bytes.len()), rng.random_range(0..=bytes.len()));
            a.min(b)..a.max(b).min(a.min(b) + 12)
        };
        let (here, there) = (cut(&text), cut(other));
        let piece = match rng.random_range(0..5) {
            0 => vec![],
            1 => text[here.clone()].repeat(2),
            2 => b"0123456789~|+x/:=,'\"()[]{} \n"[rng.random_range(0..28)..][..1].to_vec(),
            3 => b"99999999999999999999".to_vec(),
            _ => other[there].to_vec(),
        };
        text.splice(here, piece);
    }
    String::from_utf8_lossy(&text).into_owned()
}

#[test]
fn texts_that_are_nearly_right_are_read_or_refused() {
    let (seeds, mut rng) = (targets::seeds(), Seed::new(12).rng());
    let mut read = 0;
    for round in 0..6_000 {
        let text = if round < seeds.len() { seeds[round].clone() } else { changed(&seeds, &mut rng) };
        targets::genotype(&text);
        targets::nasbench201(&text);
        targets::architecture_json(&text);
        targets::text_forms(&text);
        read += usize::from(Blueprint::from_text(&text).is_ok());
    }
    // Were all refused, nothing behind the readers would have been tested.
    assert!(read > 600, "{read}");
}
