//! Builds a dictionary column: each distinct text is stored once, and each row has the key of its text.

use std::collections::HashMap;
use std::hash::BuildHasher;
use std::sync::Arc;

use arrow::array::{ArrayRef, DictionaryArray, StringBuilder, UInt32Array};
use arrow::datatypes::UInt32Type;
use foldhash::fast::RandomState;

/// A column under construction.
pub struct DictionaryBuilder {
    /// The distinct texts; the first is null.
    values: StringBuilder,
    /// The key of each row.
    keys: Vec<u32>,
    /// Key of the last text with each hash. When two texts have the same hash, one of them is stored again; the rows
    /// stay correct.
    key_by_hash: HashMap<u64, u32, RandomState>,
    hasher: RandomState,
    last: u32,
}

/// The key of rows without a text.
const NULL: u32 = 0;

impl DictionaryBuilder {
    /// No rows yet, with capacity for some.
    pub fn with_capacity(rows: usize) -> DictionaryBuilder {
        let mut values = StringBuilder::new();
        values.append_null();
        DictionaryBuilder {
            values,
            keys: Vec::with_capacity(rows),
            key_by_hash: HashMap::default(),
            hasher: RandomState::default(),
            last: NULL,
        }
    }

    /// Appends a row.
    pub fn append(&mut self, text: &str) {
        // Consecutive rows often have the same text.
        if self.last == NULL || self.value(self.last) != text.as_bytes() {
            self.last = self.key(text);
        }
        self.keys.push(self.last);
    }

    /// Appends null rows until the column has `rows` rows.
    pub fn fill(&mut self, rows: usize) {
        if self.keys.len() < rows {
            self.keys.resize(rows, NULL);
        }
    }

    /// The column.
    pub fn finish(mut self) -> ArrayRef {
        let column =
            DictionaryArray::<UInt32Type>::try_new(UInt32Array::from(self.keys), Arc::new(self.values.finish()));
        Arc::new(column.expect("every key was assigned when its text was appended"))
    }

    fn key(&mut self, text: &str) -> u32 {
        let hash = self.hasher.hash_one(text);
        match self.key_by_hash.get(&hash) {
            Some(key) if self.value(*key) == text.as_bytes() => *key,
            _ => {
                let key = self.values.offsets_slice().len() as u32 - 1;
                self.values.append_value(text);
                self.key_by_hash.insert(hash, key);
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
    fn every_row_has_its_text_and_each_text_is_stored_once() {
        let expected = [None, Some("a"), Some("a"), Some(""), None, Some("é"), Some("a"), Some(""), None];
        let mut texts = DictionaryBuilder::with_capacity(4);
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
        assert_eq!(column.values().len(), 4, "null and three texts");
    }
}
