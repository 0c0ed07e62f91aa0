//! A column of texts that many rows share: every distinct text stands once, and of each row which it is.

use std::collections::HashMap;
use std::hash::BuildHasher;
use std::sync::Arc;

use arrow::array::{ArrayRef, DictionaryArray, StringBuilder, UInt32Array};
use arrow::datatypes::UInt32Type;
use foldhash::fast::RandomState;

/// A column under construction.
pub struct SharedTexts {
    /// The first is none.
    values: StringBuilder,
    /// Where the text of each row stands among them.
    keys: Vec<u32>,
    /// The last text of each hash. One of another text with the same hash stands there twice then.
    known: HashMap<u64, u32, RandomState>,
    hasher: RandomState,
    last: u32,
}

/// The key of rows without a text.
const NOTHING: u32 = 0;

impl SharedTexts {
    /// No rows yet, and room for some.
    pub fn with_capacity(rows: usize) -> SharedTexts {
        let mut values = StringBuilder::new();
        values.append_null();
        SharedTexts {
            values,
            keys: Vec::with_capacity(rows),
            known: HashMap::default(),
            hasher: RandomState::default(),
            last: NOTHING,
        }
    }

    /// Adds a row.
    pub fn append(&mut self, text: &str) {
        // Rows that were written together are often alike.
        if self.last == NOTHING || self.value(self.last) != text.as_bytes() {
            self.last = self.key(text);
        }
        self.keys.push(self.last);
    }

    /// Adds rows without a text until there are so many.
    pub fn fill(&mut self, rows: usize) {
        if self.keys.len() < rows {
            self.keys.resize(rows, NOTHING);
        }
    }

    /// The column.
    pub fn finish(mut self) -> ArrayRef {
        let shared =
            DictionaryArray::<UInt32Type>::try_new(UInt32Array::from(self.keys), Arc::new(self.values.finish()));
        Arc::new(shared.expect("every key was given when its text was added"))
    }

    fn key(&mut self, text: &str) -> u32 {
        let hash = self.hasher.hash_one(text);
        match self.known.get(&hash) {
            Some(key) if self.value(*key) == text.as_bytes() => *key,
            _ => {
                let key = self.values.offsets_slice().len() as u32 - 1;
                self.values.append_value(text);
                self.known.insert(hash, key);
                key
            }
        }
    }

    fn value(&self, key: u32) -> &[u8] {
        let (offsets, key) = (self.values.offsets_slice(), key as usize);
        &self.values.values_slice()[offsets[key] as usize..offsets[key + 1] as usize]
    }
}

#[cfg(test)]
mod tests {
    use arrow::array::AsArray;

    use super::*;

    #[test]
    fn every_row_has_its_text_and_each_text_stands_once() {
        let expected = [None, Some("a"), Some("a"), Some(""), None, Some("é"), Some("a"), Some(""), None];
        let mut texts = SharedTexts::with_capacity(4);
        for (row, text) in expected.iter().enumerate() {
            if let Some(text) = text {
                texts.fill(row);
                texts.append(text);
            }
        }
        texts.fill(expected.len());
        let column = texts.finish();
        let column = column.as_dictionary::<UInt32Type>();
        let read: Vec<_> = column.downcast_dict::<arrow::array::StringArray>().unwrap().into_iter().collect();
        assert_eq!(read, expected);
        assert_eq!(column.values().len(), 4, "none and three texts");
    }
}
