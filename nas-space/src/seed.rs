//! One seed grows into a tree: every random stream of a study hangs at its own place, so adding a consumer of
//! random numbers somewhere never shifts the numbers drawn elsewhere.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

/// A node of the seed tree. Children are named by purpose and by number; leaves are ChaCha8 streams, which have the
/// same bits on every machine.
///
/// ```
/// use nas_space::Seed;
/// let trial = Seed::new(1).child("trial").index(17);
/// assert_eq!(trial, Seed::new(1).child("trial").index(17));
/// assert_ne!(trial, Seed::new(1).child("trial").index(18));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seed(u64);

impl Seed {
    /// The root of a tree.
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The child for a purpose.
    pub fn child(self, purpose: &str) -> Self {
        // FNV-1a over the name, then mixed with the parent: names are few and short, collisions not a concern.
        let mut hash = 0xcbf2_9ce4_8422_2325_u64;
        for byte in purpose.bytes() {
            hash = (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
        Self(mix(self.0 ^ mix(hash)))
    }

    /// The numbered child: a trial, an epoch, a sample.
    pub fn index(self, number: u64) -> Self {
        Self(mix(mix(self.0).wrapping_add(number)))
    }

    /// The stream of random numbers at this node.
    pub fn rng(self) -> ChaCha8Rng {
        ChaCha8Rng::seed_from_u64(self.0)
    }

    /// The node as a number, to be stored with a trial.
    pub fn value(self) -> u64 {
        self.0
    }
}

/// The finaliser of SplitMix64: a bijection in which every input bit reaches every output bit.
fn mix(value: u64) -> u64 {
    let z = value.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}
