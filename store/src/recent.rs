//! The texts that were stored last, in memory: who looks at new acts need not have them put together.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex};

use crate::instance::lock;

/// Longer texts are read from the database.
const LONGEST: usize = 16 << 10;
/// All texts that are kept, in bytes.
const CAPACITY: usize = 16 << 20;

/// Shared by the writer, which adds, and the functions that read payloads.
#[derive(Default)]
pub(crate) struct Recent {
    texts: Mutex<Texts>,
}

#[derive(Default)]
struct Texts {
    by_id: HashMap<i64, Arc<[u8]>, foldhash::fast::RandomState>,
    /// Oldest first.
    order: VecDeque<i64>,
    size_bytes: usize,
}

impl Recent {
    /// Adds committed payloads, by row number.
    pub(crate) fn extend<'a>(&self, payloads: impl Iterator<Item = (i64, &'a [u8])>) {
        let texts = &mut *lock(&self.texts);
        for (id, bytes) in payloads.filter(|(_, bytes)| bytes.len() <= LONGEST) {
            if texts.by_id.contains_key(&id) {
                continue;
            }
            texts.by_id.insert(id, Arc::from(bytes));
            texts.order.push_back(id);
            texts.size_bytes += bytes.len();
        }
        while texts.size_bytes > CAPACITY
            && let Some(oldest) = texts.order.pop_front()
        {
            let gone = texts.by_id.remove(&oldest);
            texts.size_bytes -= gone.map_or(0, |bytes| bytes.len());
        }
    }

    /// Those of `ids` that are kept.
    pub(crate) fn get(&self, ids: &[i64]) -> HashMap<i64, Arc<[u8]>> {
        let texts = lock(&self.texts);
        let kept = |id: &i64| Some((*id, Arc::clone(texts.by_id.get(id)?)));
        ids.iter().filter_map(kept).collect()
    }

    /// Forgets everything: rows were deleted, or their numbers may be given again.
    pub(crate) fn clear(&self) {
        *lock(&self.texts) = Texts::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_latest_are_kept_within_bounds() {
        let recent = Recent::default();
        let text = vec![b'a'; LONGEST];
        let count = (CAPACITY / LONGEST) as i64 + 3;
        recent.extend((0..count).map(|id| (id, &*text)));
        recent.extend([(count, &*vec![0; LONGEST + 1]), (count - 1, &*text)].into_iter());
        let kept = recent.get(&(0..=count).collect::<Vec<_>>());
        let mut ids: Vec<i64> = kept.into_keys().collect();
        ids.sort_unstable();
        assert_eq!(ids, (3..count).collect::<Vec<_>>());
        recent.clear();
        assert!(recent.get(&[count - 1]).is_empty());
    }
}
