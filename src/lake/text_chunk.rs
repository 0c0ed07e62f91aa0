//! Encodes the texts of one column of a row group as a Parquet column chunk: dictionary, pages, indexes, bloom filter.
//!
//! Texts with a dictionary arrive as keys, and each distinct text is hashed once per row group; parquet's own writer hashes
//! the whole `userIdentity` of every event. One compressor serves all columns. Readers see the same chunk as from parquet's
//! writer, which still writes the columns without a dictionary.

use std::collections::HashMap;

use arrow::array::Array;
use bytes::Bytes;
use foldhash::fast::RandomState;
use parquet::basic::{BoundaryOrder, Compression, Encoding, PageType, Type};
use parquet::bloom_filter::Sbbf;
use parquet::column::page::{CompressedPage, Page, PageWriter};
use parquet::column::writer::ColumnCloseResult;
use parquet::data_type::ByteArray;
use parquet::file::metadata::{ColumnChunkMetaData, ColumnIndexBuilder, OffsetIndexBuilder, PageEncodingStats};
use parquet::file::properties::{EnabledStatistics, WriterProperties, WriterPropertiesPtr};
use parquet::file::statistics::{Statistics, ValueStatistics};
use parquet::file::writer::{SerializedPageWriter, TrackedWrite};
use parquet::schema::types::ColumnDescPtr;
use zstd::bulk::Compressor;

use super::hybrid;
use super::rows::{Texts, text};
use crate::error::{Error, Result};

/// Encodes chunks, one after another.
pub struct TextEncoder {
    properties: WriterPropertiesPtr,
    compressor: Compressor<'static>,
}

/// A chunk's bytes and its metadata for the file's footer.
pub struct TextChunk {
    pub bytes: Bytes,
    pub close: ColumnCloseResult,
}

impl TextEncoder {
    /// An encoder for files with these properties.
    ///
    /// # Errors
    /// When there is no memory for the compressor.
    pub fn new(properties: WriterPropertiesPtr) -> Result<TextEncoder> {
        let compressor = Compressor::new(zstd::DEFAULT_COMPRESSION_LEVEL).map_err(bug)?;
        Ok(TextEncoder { properties, compressor })
    }

    /// Encodes the chunk of a column for which [`encodes`] is true.
    ///
    /// # Errors
    /// When it cannot be written as Parquet, which is a bug.
    pub fn chunk(&mut self, column: &ColumnDescPtr, texts: Texts) -> Result<TextChunk> {
        let (properties, path) = (&self.properties, column.path());
        let Compression::ZSTD(level) = properties.compression(path) else {
            return Err(bug("a column that is not compressed with zstd"));
        };
        self.compressor.set_compression_level(level.compression_level()).map_err(bug)?;
        let bloom = properties.bloom_filter_properties(path);
        let bloom = bloom.map(|bloom| Ok((Sbbf::new_with_ndv_fpp(bloom.ndv(), bloom.fpp())?, bloom.fpp())));
        let mut chunk = Chunk {
            compressor: &mut self.compressor,
            rows_max: properties.data_page_row_count_limit(),
            page_bytes_max: properties.column_data_page_size_limit(path),
            dictionary: Dictionary::new(properties.column_dictionary_page_size_limit(path)),
            keys: Vec::new(),
            bloom: bloom.transpose().map_err(|e: parquet::errors::ParquetError| bug(e))?,
            has_statistics: properties.statistics_enabled(path) != EnabledStatistics::None,
            pages: Vec::new(),
        };
        let rows = texts.count();
        let mut seen = match &texts {
            Texts::Dictionary { values, .. } => vec![UNSEEN; values.len()],
            _ => Vec::new(),
        };
        let mut row = 0;
        while row < rows {
            row = if chunk.dictionary.has_room() {
                chunk.page_of_keys(&texts, &mut seen, row)?
            } else {
                chunk.page_of_texts(&texts, row)?
            };
        }
        chunk.finish(column, properties, level)
    }
}

/// True for the columns that this module encodes: texts with a dictionary.
pub fn encodes(properties: &WriterProperties, column: &ColumnDescPtr) -> bool {
    column.physical_type() == Type::BYTE_ARRAY
        && column.max_rep_level() == 0
        && column.max_def_level() == 1
        && properties.dictionary_enabled(column.path())
}

/// The key of a null.
const NULL: u32 = u32::MAX;
/// The chunk's key of this text is not known yet.
const UNSEEN: u32 = u32::MAX - 1;

/// The distinct texts of a chunk, in the order of their first use.
struct Dictionary<'t> {
    keys: HashMap<&'t str, u32, RandomState>,
    texts: Vec<&'t str>,
    /// Size as a page.
    bytes: usize,
    bytes_max: usize,
    /// Few texts repeat, so adding more would cost more than it saves.
    is_closed: bool,
}

impl<'t> Dictionary<'t> {
    fn new(bytes_max: usize) -> Dictionary<'t> {
        Dictionary { keys: HashMap::default(), texts: Vec::new(), bytes: 0, bytes_max, is_closed: false }
    }

    fn has_room(&self) -> bool {
        self.bytes < self.bytes_max && !self.is_closed
    }

    /// Closes the dictionary when too many texts of a page were new.
    fn close_if_new(&mut self, texts: usize, new: usize) {
        self.is_closed = new > texts / NEW_OF;
    }

    fn key(&mut self, text: &'t str) -> u32 {
        let next = self.texts.len() as u32;
        let key = *self.keys.entry(text).or_insert(next);
        if key == next {
            self.texts.push(text);
            self.bytes += LENGTH_BYTES + text.len();
        }
        key
    }
}

/// A dictionary is closed when more than 1 in this many texts of a page was new.
const NEW_OF: usize = 2;

/// Size of the length before each text in Parquet's plain encoding.
const LENGTH_BYTES: usize = 4;

fn put_plain(page: &mut Vec<u8>, text: &str) {
    // An Arrow text is shorter than 2 GiB.
    page.extend_from_slice(&(text.len() as u32).to_le_bytes());
    page.extend_from_slice(text.as_bytes());
}

/// A chunk under construction.
struct Chunk<'t, 'c> {
    compressor: &'c mut Compressor<'static>,
    rows_max: usize,
    page_bytes_max: usize,
    dictionary: Dictionary<'t>,
    /// Keys of the current page; kept so that it is allocated once.
    keys: Vec<u32>,
    /// The filter, and its target rate of false positives.
    bloom: Option<(Sbbf, f64)>,
    /// The chunk gets statistics: smallest and largest texts.
    has_statistics: bool,
    pages: Vec<DataPage<'t>>,
}

struct DataPage<'t> {
    page: CompressedPage,
    rows: usize,
    nulls: usize,
    range: Option<Range<'t>>,
}

/// The smallest and the largest of some texts.
#[derive(Debug, Clone, Copy)]
struct Range<'t> {
    min: &'t str,
    max: &'t str,
}

impl<'t> Range<'t> {
    fn of(texts: impl Iterator<Item = &'t str>) -> Option<Range<'t>> {
        texts.fold(None, |range: Option<Range>, text| {
            Some(range.map_or(Range { min: text, max: text }, |range| Range {
                min: range.min.min(text),
                max: range.max.max(text),
            }))
        })
    }
}

impl<'t> Chunk<'t, '_> {
    /// Writes a page of keys that starts with row `from`; returns the next row.
    fn page_of_keys(&mut self, texts: &Texts<'t>, seen: &mut [u32], from: usize) -> Result<usize> {
        let to = texts.count().min(from + self.rows_max);
        let known = self.dictionary.texts.len();
        self.keys.clear();
        self.keys.reserve(to - from);
        match texts {
            Texts::Empty(_) => self.keys.resize(to - from, NULL),
            Texts::Dictionary { values, keys } => {
                for shared in &keys[from..to] {
                    let seen = &mut seen[*shared as usize];
                    if *seen == UNSEEN {
                        *seen = text(values, *shared as usize).map_or(NULL, |text| self.dictionary.key(text));
                    }
                    self.keys.push(*seen);
                    if !self.dictionary.has_room() {
                        break;
                    }
                }
            }
            Texts::Plain { arrays, positions } => {
                let mut last = ("", NULL);
                for (part, row) in &positions[from..to] {
                    let key = match text(arrays[*part], *row) {
                        // Neighbouring rows are often equal.
                        Some(text) if last.1 != NULL && last.0 == text => last.1,
                        Some(text) => {
                            last = (text, self.dictionary.key(text));
                            last.1
                        }
                        None => NULL,
                    };
                    self.keys.push(key);
                    if !self.dictionary.has_room() {
                        break;
                    }
                }
            }
        }
        let mut keys = std::mem::take(&mut self.keys);
        let rows = keys.len();
        let nulls = keys.iter().filter(|key| **key == NULL).count();
        let mut page = Vec::with_capacity(rows);
        put_levels(&mut page, rows, nulls, keys.iter().map(|key| *key != NULL));
        if nulls == rows {
            // Plain, because the dictionary may be empty.
            self.keys = keys;
            self.push(page, Encoding::PLAIN, rows, nulls, None)?;
            return Ok(from + rows);
        }
        if nulls > 0 {
            keys.retain(|key| *key != NULL);
        }
        self.dictionary.close_if_new(keys.len(), self.dictionary.texts.len() - known);
        let range = if self.has_statistics { self.range_of(&keys) } else { None };
        let bits = u32::BITS - (self.dictionary.texts.len().saturating_sub(1) as u32).leading_zeros();
        page.push(bits as u8);
        hybrid::put(&mut page, &keys, bits);
        self.keys = keys;
        self.push(page, Encoding::RLE_DICTIONARY, rows, nulls, range)?;
        Ok(from + rows)
    }

    /// The range of the texts with these keys. Neighbours are often equal, so only one key of each run is looked up.
    fn range_of(&self, keys: &[u32]) -> Option<Range<'t>> {
        let runs = keys.chunk_by(|a, b| a == b).filter_map(|run| run.first());
        Range::of(runs.map(|key| self.dictionary.texts[*key as usize]))
    }

    /// Writes a page of plain texts that starts with row `from`; returns the next row.
    fn page_of_texts(&mut self, texts: &Texts<'t>, from: usize) -> Result<usize> {
        let mut taken: Vec<Option<&str>> = Vec::new();
        let mut bytes = 0;
        for row in from..texts.count().min(from + self.rows_max) {
            let text = texts.text(row);
            bytes += text.map_or(0, |text| LENGTH_BYTES + text.len());
            taken.push(text);
            if bytes >= self.page_bytes_max {
                break;
            }
        }
        let rows = taken.len();
        let nulls = taken.iter().filter(|text| text.is_none()).count();
        let mut page = Vec::with_capacity(bytes + rows / 8);
        put_levels(&mut page, rows, nulls, taken.iter().map(Option::is_some));
        let texts = || taken.iter().copied().flatten();
        for text in texts() {
            put_plain(&mut page, text);
            if let Some((bloom, _)) = &mut self.bloom {
                bloom.insert(text);
            }
        }
        let range = if self.has_statistics { Range::of(texts()) } else { None };
        self.push(page, Encoding::PLAIN, rows, nulls, range)?;
        Ok(from + rows)
    }

    fn push(
        &mut self,
        page: Vec<u8>,
        encoding: Encoding,
        rows: usize,
        nulls: usize,
        range: Option<Range<'t>>,
    ) -> Result<()> {
        let compressed = self.compressor.compress(&page).map_err(bug)?;
        let data = Page::DataPage {
            buf: compressed.into(),
            num_values: rows as u32,
            encoding,
            def_level_encoding: Encoding::RLE,
            rep_level_encoding: Encoding::RLE,
            statistics: None,
        };
        self.pages.push(DataPage { page: CompressedPage::new(data, page.len()), rows, nulls, range });
        Ok(())
    }

    /// The dictionary as a page; `None` when it is empty.
    fn dictionary_page(&mut self) -> Result<Option<CompressedPage>> {
        if self.dictionary.texts.is_empty() {
            return Ok(None);
        }
        let mut page = Vec::with_capacity(self.dictionary.bytes);
        for text in &self.dictionary.texts {
            put_plain(&mut page, text);
            if let Some((bloom, _)) = &mut self.bloom {
                bloom.insert(*text);
            }
        }
        let compressed = self.compressor.compress(&page).map_err(bug)?;
        let dictionary = Page::DictionaryPage {
            buf: compressed.into(),
            num_values: self.dictionary.texts.len() as u32,
            encoding: Encoding::PLAIN,
            is_sorted: false,
        };
        Ok(Some(CompressedPage::new(dictionary, page.len())))
    }

    fn finish(
        mut self,
        column: &ColumnDescPtr,
        properties: &WriterPropertiesPtr,
        level: parquet::basic::ZstdLevel,
    ) -> Result<TextChunk> {
        let mut sink = TrackedWrite::new(Vec::new());
        let mut writer = SerializedPageWriter::new(&mut sink);
        let mut encodings = vec![Encoding::RLE];
        let mut statistics = Vec::new();
        let mut count = |page_type, encoding| {
            encodings.push(encoding);
            let known = |known: &&mut PageEncodingStats| (known.page_type, known.encoding) == (page_type, encoding);
            match statistics.iter_mut().find(known) {
                Some(known) => known.count += 1,
                None => statistics.push(PageEncodingStats { page_type, encoding, count: 1 }),
            }
        };
        let mut dictionary_offset = None;
        let (mut bytes, mut plain_bytes) = (0, 0);
        if let Some(page) = self.dictionary_page()? {
            count(PageType::DICTIONARY_PAGE, page.encoding());
            let written = writer.write_page(page).map_err(bug)?;
            (bytes, plain_bytes) = (written.bytes_written, written.uncompressed_size);
            dictionary_offset = Some(written.offset as i64);
        }
        let data_offset = bytes as i64;
        let mut offsets = OffsetIndexBuilder::new();
        let mut ranges = Ranges::new(properties.column_index_truncate_length());
        let (mut rows, mut nulls) = (0, 0);
        for DataPage { page, rows: page_rows, nulls: page_nulls, range } in self.pages {
            count(PageType::DATA_PAGE, page.encoding());
            let written = writer.write_page(page).map_err(bug)?;
            offsets.append_offset_and_size(written.offset as i64, written.compressed_size as i32);
            offsets.append_row_count(page_rows as i64);
            ranges.push(range, page_nulls);
            bytes += written.bytes_written;
            plain_bytes += written.uncompressed_size;
            (rows, nulls) = (rows + page_rows, nulls + page_nulls);
        }
        let mut metadata = ColumnChunkMetaData::builder(column.clone())
            .set_compression(Compression::ZSTD(level))
            .set_encodings(encodings)
            .set_page_encoding_stats(statistics)
            .set_total_compressed_size(bytes as i64)
            .set_total_uncompressed_size(plain_bytes as i64)
            .set_num_values(rows as i64)
            .set_data_page_offset(data_offset)
            .set_dictionary_page_offset(dictionary_offset);
        let mut column_index = None;
        if self.has_statistics {
            metadata = metadata.set_statistics(ranges.statistics(nulls, properties.statistics_truncate_length()));
            column_index = Some(ranges.finish()?);
        }
        Ok(TextChunk {
            bytes: sink.into_inner().map_err(bug)?.into(),
            close: ColumnCloseResult {
                bytes_written: bytes,
                rows_written: rows as u64,
                metadata: metadata.build().map_err(bug)?,
                bloom_filter: self.bloom.map(|(mut bloom, false_positives)| {
                    bloom.fold_to_target_fpp(false_positives);
                    bloom
                }),
                column_index,
                offset_index: Some(offsets.build()),
            },
        })
    }
}

/// Writes Parquet's definition levels, which mark the rows with a text, after their length.
fn put_levels(page: &mut Vec<u8>, rows: usize, nulls: usize, has_text: impl Iterator<Item = bool>) {
    let begin = page.len();
    page.extend_from_slice(&[0; 4]);
    match nulls {
        0 => hybrid::put_run(page, rows, 1, 1),
        _ if nulls == rows => hybrid::put_run(page, rows, 0, 1),
        _ => hybrid::put(page, &has_text.map(u32::from).collect::<Vec<_>>(), 1),
    }
    let length = (page.len() - begin - 4) as u32;
    page[begin..begin + 4].copy_from_slice(&length.to_le_bytes());
}

/// The column index: the smallest and largest text of each page.
struct Ranges<'t> {
    index: ColumnIndexBuilder,
    bytes_max: usize,
    whole: Option<Range<'t>>,
    last: Option<Range<'t>>,
    ascending: bool,
}

impl<'t> Ranges<'t> {
    fn new(bytes_max: Option<usize>) -> Ranges<'t> {
        let index = ColumnIndexBuilder::new(Type::BYTE_ARRAY);
        Ranges { index, bytes_max: bytes_max.unwrap_or(usize::MAX), whole: None, last: None, ascending: true }
    }

    fn push(&mut self, range: Option<Range<'t>>, nulls: usize) {
        let Some(range) = range else {
            return self.index.append(true, Vec::new(), Vec::new(), nulls as i64);
        };
        self.index.append(
            false,
            shortened(range.min, self.bytes_max).into(),
            not_less(range.max, self.bytes_max).0.into_bytes(),
            nulls as i64,
        );
        self.ascending &= self.last.is_none_or(|last| last.min <= range.min && last.max <= range.max);
        self.last = Some(range);
        self.whole =
            Range::of(self.whole.into_iter().flat_map(|whole| [whole.min, whole.max]).chain([range.min, range.max]));
    }

    /// Statistics of the whole chunk.
    fn statistics(&self, nulls: usize, bytes_max: Option<usize>) -> Statistics {
        let bytes_max = bytes_max.unwrap_or(usize::MAX);
        let min = self.whole.map(|whole| shortened(whole.min, bytes_max));
        let max = self.whole.map(|whole| not_less(whole.max, bytes_max));
        let min_is_exact = self.whole.is_none_or(|whole| min.is_some_and(|min| min.len() == whole.min.len()));
        let max_is_exact = max.as_ref().is_none_or(|(_, is_exact)| *is_exact);
        let (min, max) = (min.map(ByteArray::from), max.map(|(max, _)| ByteArray::from(max.as_str())));
        let statistics = ValueStatistics::new(min, max, None, Some(nulls as u64), false);
        Statistics::ByteArray(statistics.with_min_is_exact(min_is_exact).with_max_is_exact(max_is_exact))
    }

    fn finish(mut self) -> Result<parquet::file::page_index::column_index::ColumnIndexMetaData> {
        self.index.set_boundary_order(if self.ascending { BoundaryOrder::ASCENDING } else { BoundaryOrder::UNORDERED });
        self.index.build().map_err(bug)
    }
}

/// The start of a text, as a lower bound: a caller-chosen name may have megabytes.
fn shortened(text: &str, bytes_max: usize) -> &str {
    &text[..text.floor_char_boundary(bytes_max)]
}

/// An upper bound of a text with at most `bytes_max` bytes, and whether it is the text itself. Returns the whole text when
/// there is no such bound.
fn not_less(text: &str, bytes_max: usize) -> (String, bool) {
    if text.len() <= bytes_max {
        return (text.to_owned(), true);
    }
    let mut short = shortened(text, bytes_max).to_owned();
    while let Some(last) = short.pop() {
        let next = char::from_u32(last as u32 + 1).filter(|next| next.len_utf8() == last.len_utf8());
        if let Some(next) = next {
            short.push(next);
            return (short, false);
        }
    }
    (text.to_owned(), true)
}

fn bug(reason: impl ToString) -> Error {
    Error::Internal(format!("encoding texts: {}", reason.to_string()))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{ArrayRef, AsArray, RecordBatch, StringArray};
    use arrow::datatypes::{DataType, Field, Schema};
    use parquet::arrow::ArrowWriter;
    use parquet::arrow::arrow_reader::{
        ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReaderBuilder, RowSelection, RowSelector,
    };
    use parquet::basic::ZstdLevel;
    use parquet::file::metadata::PageIndexPolicy;
    use parquet::file::page_index::column_index::ColumnIndexMetaData;
    use parquet::file::properties::ReaderProperties;
    use parquet::file::reader::FileReader;
    use parquet::file::serialized_reader::{ReadOptionsBuilder, SerializedFileReader};

    use super::*;
    use crate::lake::rows::Position;

    /// Dictionary sizes: too small for the examples, and large enough. If it is too small, parquet's writer ends the page
    /// some rows later than ours.
    const SMALL: usize = 3_000;
    const LARGE: usize = 1 << 20;

    /// Properties with small pages.
    fn properties(dictionary_bytes_max: usize) -> WriterProperties {
        WriterProperties::builder()
            .set_compression(Compression::ZSTD(ZstdLevel::try_new(3).unwrap()))
            .set_data_page_row_count_limit(50)
            .set_write_batch_size(10)
            .set_dictionary_page_size_limit(dictionary_bytes_max)
            .set_bloom_filter_enabled(true)
            .set_bloom_filter_max_ndv(1_000)
            .build()
    }

    fn schema() -> Arc<Schema> {
        Arc::new(Schema::new(vec![Field::new("text", DataType::Utf8, true)]))
    }

    /// A file with one column, by our encoder.
    fn ours(texts: Texts, dictionary_bytes_max: usize) -> Bytes {
        let writer = ArrowWriter::try_new(Vec::new(), schema(), Some(properties(dictionary_bytes_max))).unwrap();
        let (mut writer, _) = writer.into_serialized_writer().unwrap();
        let column = writer.schema_descr().column(0);
        let mut encoder = TextEncoder::new(Arc::clone(writer.properties())).unwrap();
        assert!(encodes(writer.properties(), &column));
        let TextChunk { bytes, close } = encoder.chunk(&column, texts).unwrap();
        let mut group = writer.next_row_group().unwrap();
        group.append_column(&bytes, close).unwrap();
        group.close().unwrap();
        writer.into_inner().unwrap().into()
    }

    /// The same file, by parquet's writer.
    fn theirs(texts: &[Option<String>]) -> Bytes {
        let mut writer = ArrowWriter::try_new(Vec::new(), schema(), Some(properties(LARGE))).unwrap();
        let array: ArrayRef = Arc::new(StringArray::from_iter(texts));
        writer.write(&RecordBatch::try_new(schema(), vec![array]).unwrap()).unwrap();
        writer.into_inner().unwrap().into()
    }

    fn read(file: &Bytes, selection: Option<RowSelection>) -> Vec<Option<String>> {
        let options = ArrowReaderOptions::new().with_page_index_policy(PageIndexPolicy::Required);
        let metadata = ArrowReaderMetadata::load(file, options).unwrap();
        let mut reader = ParquetRecordBatchReaderBuilder::new_with_metadata(file.clone(), metadata);
        if let Some(selection) = selection {
            reader = reader.with_row_selection(selection);
        }
        let batches: Vec<_> = reader.build().unwrap().map(|batch| batch.unwrap()).collect();
        batches
            .iter()
            .flat_map(|batch| batch.column(0).as_string::<i32>().iter().map(|t| t.map(str::to_owned)))
            .collect()
    }

    /// Columns with few and many distinct texts, long and empty ones, and nulls.
    fn examples() -> Vec<Vec<Option<String>>> {
        let rows = |text: &dyn Fn(usize) -> Option<String>| (0..730).map(text).collect::<Vec<_>>();
        vec![
            rows(&|_| None),
            rows(&|_| Some("iam.amazonaws.com".into())),
            rows(&|n| (n % 3 > 0).then(|| format!("api {}", n / 100))),
            rows(&|n| Some(format!("text {}", n * 7_919 % 730))),
            rows(&|n| (n > 200).then(|| format!("{n:04}"))),
            rows(&|n| (!(100..300).contains(&n)).then(|| if n % 2 == 0 { String::new() } else { "é".repeat(n) })),
            rows(&|n| (n == 729).then(|| "\u{10ffff}".repeat(20))),
            vec![Some("one".into())],
        ]
    }

    /// Checks rows of two parts, plain and with a dictionary.
    fn checked(texts: &[Option<String>], check: impl Fn(Texts)) {
        let (first, second) = texts.split_at(texts.len() / 3);
        let arrays = [&StringArray::from_iter(first), &StringArray::from_iter(second)];
        let first_part = (0..first.len()).map(|n| (0, n));
        let positions: Vec<Position> = first_part.chain((0..second.len()).map(|n| (1, n))).collect();
        check(Texts::Plain { arrays: &arrays, positions: &positions });
        // The dictionary has every text twice, and one that is not used.
        let values =
            StringArray::from_iter(texts.iter().cloned().chain(texts.iter().cloned()).chain([Some("x".into())]));
        let keys: Vec<u32> = (0..texts.len()).map(|n| (n + n % 2 * texts.len()) as u32).collect();
        check(Texts::Dictionary { values: &values, keys: &keys });
        if texts.iter().all(Option::is_none) {
            check(Texts::Empty(texts.len()));
        }
    }

    #[test]
    fn texts_are_read_as_they_were_written() {
        for expected in examples() {
            checked(&expected, |texts| {
                let file = ours(texts, SMALL);
                assert_eq!(read(&file, None), expected);
                // The offset index lets the reader skip whole pages.
                let some =
                    [RowSelector::skip(120), RowSelector::select(7), RowSelector::skip(400), RowSelector::select(9)];
                if expected.len() > 600 {
                    let selected = [&expected[120..127], &expected[527..536]].concat();
                    assert_eq!(read(&file, Some(some.to_vec().into())), selected);
                }
            });
        }
    }

    #[test]
    fn metadata_is_the_same_as_from_parquets_own_writer() {
        for texts in examples() {
            let metadata = |file: &Bytes| {
                let options = ReadOptionsBuilder::new().with_page_index();
                let options =
                    options.with_reader_properties(ReaderProperties::builder().set_read_bloom_filter(true).build());
                let reader = SerializedFileReader::new_with_options(file.clone(), options.build()).unwrap();
                let group = reader.metadata().row_group(0).column(0).clone();
                let index = reader.metadata().column_index().unwrap()[0][0].clone();
                let ColumnIndexMetaData::BYTE_ARRAY(pages) = &index else { panic!("{index:?}") };
                let pages = (
                    pages.min_values_iter().map(|min| min.map(<[u8]>::to_vec)).collect::<Vec<_>>(),
                    pages.max_values_iter().map(|max| max.map(<[u8]>::to_vec)).collect::<Vec<_>>(),
                    index.null_counts().cloned(),
                    index.get_boundary_order(),
                );
                let bloom = reader.get_row_group(0).unwrap().get_column_bloom_filter(0).cloned().unwrap();
                let probes = texts.iter().flatten().cloned().chain((0..1000).map(|n| format!("another {n}")));
                let found: Vec<_> = probes.map(|text| bloom.check(text.as_str())).collect();
                (group.statistics().cloned(), group.num_values(), pages, found)
            };
            let expected = metadata(&theirs(&texts));
            checked(&texts, |column| assert!(metadata(&ours(column, LARGE)) == expected, "{texts:?}"));
        }
    }
}
