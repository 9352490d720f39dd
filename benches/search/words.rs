//! Text as agents' runs hold it: prose and code of a vocabulary in which few words are frequent and
//! most are rare.

/// Distinct words beside the frequent ones.
const VOCABULARY: u64 = 60_000;

/// A repeatable source of text.
pub(crate) struct Source(u64);

impl Source {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    /// A number below `limit`.
    pub(crate) fn below(&mut self, limit: u64) -> u64 {
        (self.next() >> 11) % limit
    }

    /// A rank, small ones far more often.
    fn rank(&mut self) -> u64 {
        let unit = (self.next() >> 11) as f64 / (1_u64 << 53) as f64;
        (VOCABULARY as f64).powf(unit) as u64
    }

    fn word(&mut self, out: &mut String) {
        const SYLLABLES: [&str; 16] = [
            "ka", "re", "to", "lin", "mo", "sta", "ver", "du", "pan", "is", "qu", "el", "tra",
            "no", "fi", "gor",
        ];
        let mut rank = self.rank();
        loop {
            out.push_str(SYLLABLES[(rank % 16) as usize]);
            rank /= 16;
            if rank == 0 {
                return;
            }
        }
    }

    /// About `length` bytes: sentences, and every few lines one of code.
    pub(crate) fn text(&mut self, length: usize) -> String {
        let mut out = String::with_capacity(length + 80);
        while out.len() < length {
            if self.below(6) == 0 {
                out.push_str("    let ");
                self.word(&mut out);
                out.push('_');
                self.word(&mut out);
                out.push_str(" = self.");
                self.word(&mut out);
                out.push_str(&format!("({}, \\\"", self.below(10_000)));
                self.word(&mut out);
                out.push_str("\\\")?;\\n");
                continue;
            }
            for _ in 0..8 + self.below(8) {
                self.word(&mut out);
                out.push(' ');
            }
            out.push_str(".\\n");
        }
        out
    }
}
