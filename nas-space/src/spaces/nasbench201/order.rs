//! The benchmark's official order of its 15,625 cells.
//!
//! The authors listed the cells as six-digit numbers to base 5, edge 0>1 first, and shuffled the list with Python's
//! `random.shuffle` after `random.seed(88)`. Doing the same here makes the official index known without a table.

use std::sync::LazyLock;

use super::SIZE;

/// The seed of the official shuffle.
const SEED: u32 = 88;

struct Order {
    /// For each official index, the cell's number.
    numbers: Vec<usize>,
    /// For each number, the cell's official index.
    indices: Vec<usize>,
}

static ORDER: LazyLock<Order> = LazyLock::new(|| {
    let mut numbers: Vec<usize> = (0..SIZE).collect();
    let mut random = Mt19937::new(SEED);
    for last in (1..SIZE).rev() {
        numbers.swap(last, random.below(last + 1));
    }
    let mut indices = vec![0; SIZE];
    for (index, &number) in numbers.iter().enumerate() {
        indices[number] = index;
    }
    Order { numbers, indices }
});

/// The official index of the cell whose six choices, read as digits to base 5, are `number`.
pub(super) fn official_index(number: usize) -> usize {
    ORDER.indices[number]
}

/// The number of the cell at an official index.
pub(super) fn number_at(index: usize) -> Option<usize> {
    ORDER.numbers.get(index).copied()
}

/// The Mersenne Twister (Matsumoto & Nishimura 1998), seeded and drawn from as Python's `random` does.
struct Mt19937 {
    state: [u32; 624],
    next: usize,
}

impl Mt19937 {
    fn new(seed: u32) -> Self {
        let mut state = [0_u32; 624];
        state[0] = 19_650_218;
        for i in 1..624 {
            state[i] = scramble(state[i - 1], 1_812_433_253).wrapping_add(i as u32);
        }
        // Initialization by an array that holds one word.
        let mut i = 1;
        for _ in 0..624 {
            state[i] = (state[i] ^ scramble(state[i - 1], 1_664_525)).wrapping_add(seed);
            i = step(&mut state, i);
        }
        for _ in 0..623 {
            state[i] = (state[i] ^ scramble(state[i - 1], 1_566_083_941)).wrapping_sub(i as u32);
            i = step(&mut state, i);
        }
        state[0] = 0x8000_0000;
        Self { state, next: 624 }
    }

    fn word(&mut self) -> u32 {
        if self.next == 624 {
            for i in 0..624 {
                let joined = (self.state[i] & 0x8000_0000) | (self.state[(i + 1) % 624] & 0x7fff_ffff);
                let twist = if joined & 1 == 1 { 0x9908_b0df } else { 0 };
                self.state[i] = self.state[(i + 397) % 624] ^ (joined >> 1) ^ twist;
            }
            self.next = 0;
        }
        let mut y = self.state[self.next];
        self.next += 1;
        y ^= y >> 11;
        y ^= (y << 7) & 0x9d2c_5680;
        y ^= (y << 15) & 0xefc6_0000;
        y ^ (y >> 18)
    }

    /// A number below `bound`: as many bits as the bound has, drawn again until they are below it.
    fn below(&mut self, bound: usize) -> usize {
        let bits = usize::BITS - bound.leading_zeros();
        loop {
            let drawn = (self.word() >> (32 - bits)) as usize;
            if drawn < bound {
                return drawn;
            }
        }
    }
}

fn scramble(previous: u32, factor: u32) -> u32 {
    (previous ^ (previous >> 30)).wrapping_mul(factor)
}

/// The next position of the initialization, which wraps around by way of the first word.
fn step(state: &mut [u32; 624], i: usize) -> usize {
    if i + 1 < 624 {
        return i + 1;
    }
    state[0] = state[623];
    1
}
