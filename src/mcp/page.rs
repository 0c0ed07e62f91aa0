//! Pages: long lists are sent in parts, with their total stated.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Rows of a page, unless fewer are wanted.
const ROWS_DEFAULT: usize = 20;
/// Rows of a page.
pub const ROWS_MAX: usize = 100;
/// Bytes of a page as JSON. A page has at least one row.
const BYTES_MAX: usize = 32 << 10;

/// Which part of a list an answer has.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Page {
    /// Rows before this part.
    pub offset: u64,
    /// Rows of the whole list.
    pub total: u64,
    /// The `offset` of the next part; null if this is the last one.
    pub next_offset: Option<u64>,
}

/// The part of a list that begins at `offset` and fits into a page, each row as `show` makes it.
pub fn page<T, R: Serialize>(
    rows: &[T],
    offset: Option<usize>,
    limit: Option<usize>,
    show: impl Fn(&T) -> R,
) -> (Vec<R>, Page) {
    let total = rows.len();
    let (offset, limit) = (offset.unwrap_or(0), limit.unwrap_or(ROWS_DEFAULT).clamp(1, ROWS_MAX));
    let (mut part, mut bytes) = (Vec::new(), 0);
    for row in rows.iter().skip(offset).take(limit).map(show) {
        bytes += serde_json::to_string(&row).map_or(0, |text| text.len());
        if bytes > BYTES_MAX && !part.is_empty() {
            break;
        }
        part.push(row);
    }
    let end = offset + part.len();
    let next_offset = (end < total && !part.is_empty()).then_some(end as u64);
    (part, Page { offset: offset as u64, total: total as u64, next_offset })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_add_up_whatever_the_size_of_their_rows() {
        let rows: Vec<String> = (0..50).map(|n| "x".repeat(n * 400)).collect();
        for limit in [None, Some(1), Some(7), Some(1000)] {
            let (mut all, mut offset) = (Vec::new(), Some(0));
            while let Some(at) = offset {
                let (part, page) = page(&rows, Some(at as usize), limit, String::clone);
                assert!(!part.is_empty() && page.total == 50 && page.offset == at);
                assert!(part.len() == 1 || serde_json::to_string(&part).unwrap().len() < BYTES_MAX + 200);
                all.extend(part);
                offset = page.next_offset;
            }
            assert_eq!(all, rows);
        }
        assert_eq!(page(&rows, Some(50), None, String::clone).1.next_offset, None);
        assert_eq!(page(&rows, Some(900), None, String::clone).0.len(), 0);
    }
}
