//! The table that is compiled in: `geo/geo.bin`, made once by `geo/build.py`.
//!
//! In: the file's bytes. Out: a [`Table`] in memory, about 45 MB, in which a lookup is two binary searches.
//!
//! # Format, version 1, little endian
//!
//! `TRAILGEO`, u16 version, u16 count of sources with a u16 length and UTF-8 text each. Then sections to the end,
//! each a 4 byte tag, u32 raw bytes, u32 compressed bytes, and one zlib stream:
//!
//! | tag | content |
//! |---|---|
//! | `RGNC` | 2 letters per region: its country. Region numbers start at 1; 0 is "nothing known". |
//! | `RGNG` | i16 latitudes, i16 longitudes (1/100 degree), u16 error radii (km) of all regions |
//! | `ASNU` | AS numbers, ascending, each the varint of its difference to the one before. Numbered from 1 too. |
//! | `ASNN` | their organisations, UTF-8, a line feed after each |
//! | `4RCO` `4ACO` `6RCO` `6ACO` | per range but the first (which starts at 0) the exponent e of its distance (2m + 1) << e from the start before; plus 64 if m > 0 |
//! | `4RMA` … | varint of m - 1 for each such range |
//! | `4RVA` … | number of the region (`R`) or AS (`A`) of each range: the low bytes of all, then the next bytes, … |
//!
//! `4` is IPv4, `6` the upper 48 bits of IPv6. A range ends where the next one starts. A varint is LEB128.

use std::io::Read;
use std::net::IpAddr;
use std::ops::Range;

use flate2::bufread::ZlibDecoder;

use super::error::TableError;
use super::place::Place;

static FILE: &[u8] = include_bytes!("../../geo/geo.bin");

const MAGIC: &[u8] = b"TRAILGEO";
const VERSION: u16 = 1;

/// Of an IPv6 address the table knows the upper 48 bits.
const IPV6_SHIFT: u32 = 128 - 48;

/// Country, centroid and AS of every range of addresses.
#[derive(Debug)]
pub(super) struct Table {
    sources: Vec<String>,
    regions: Vec<Region>,
    systems: Systems,
    v4_region: Ranges<u32, u16>,
    v4_system: Ranges<u32, u32>,
    v6_region: Ranges<u64, u16>,
    v6_system: Ranges<u64, u32>,
}

/// Decode the table that is compiled in.
pub(super) fn load() -> Result<Table, TableError> {
    Table::decode(FILE)
}

impl Table {
    /// Decode a whole file. Everything is checked here so that a lookup cannot fail.
    fn decode(file: &[u8]) -> Result<Table, TableError> {
        let mut input = Input { rest: file };
        let sources = header(&mut input)?;
        let regions = regions(&mut input)?;
        let systems = Systems::decode(&mut input)?;
        let table = Table {
            v4_region: Ranges::decode(&mut input, ["4RCO", "4RMA", "4RVA"], regions.len())?,
            v4_system: Ranges::decode(&mut input, ["4ACO", "4AMA", "4AVA"], systems.numbers.len())?,
            v6_region: Ranges::decode(&mut input, ["6RCO", "6RMA", "6RVA"], regions.len())?,
            v6_system: Ranges::decode(&mut input, ["6ACO", "6AMA", "6AVA"], systems.numbers.len())?,
            sources,
            regions,
            systems,
        };
        if !input.rest.is_empty() {
            return Err(damaged("6AVA", "more bytes follow the last section"));
        }
        Ok(table)
    }

    /// The sources with their snapshot dates and licences.
    pub(super) fn sources(&self) -> &[String] {
        &self.sources
    }

    /// What the table knows about an address, IPv4-mapped ones already turned into IPv4.
    pub(super) fn lookup(&self, ip: IpAddr) -> Place<'_> {
        let (region, system) = match ip {
            IpAddr::V4(ip) => {
                let key = ip.to_bits();
                (self.v4_region.value(key), self.v4_system.value(key))
            }
            IpAddr::V6(ip) => {
                let key = (ip.to_bits() >> IPV6_SHIFT) as u64;
                (self.v6_region.value(key), self.v6_system.value(key))
            }
        };
        let mut place = Place::default();
        if let Some(region) = numbered(&self.regions, u32::from(region)) {
            place.country = std::str::from_utf8(&region.country).ok();
            place.latitude_deg = Some(f64::from(region.latitude_centideg) / 100.0);
            place.longitude_deg = Some(f64::from(region.longitude_centideg) / 100.0);
            place.error_radius_km = Some(f64::from(region.error_radius_km));
        }
        if let Some(number) = numbered(&self.systems.numbers, system) {
            place.asn = Some(*number);
            place.organisation =
                numbered(&self.systems.spans, system).and_then(|span| self.systems.names.get(span.clone()));
        }
        place
    }
}

/// The item with a number counted from 1.
fn numbered<T>(items: &[T], number: u32) -> Option<&T> {
    items.get((number as usize).checked_sub(1)?)
}

/// One or more neighbouring states of a country.
#[derive(Debug)]
struct Region {
    country: [u8; 2],
    latitude_centideg: i16,
    longitude_centideg: i16,
    error_radius_km: u16,
}

fn regions(input: &mut Input<'_>) -> Result<Vec<Region>, TableError> {
    let countries = input.section("RGNC")?;
    let geometry = input.section("RGNG")?;
    let (countries, rest) = countries.as_chunks::<2>();
    let count = countries.len();
    if !rest.is_empty() || geometry.len() != 6 * count || !countries.as_flattened().is_ascii() {
        return Err(damaged("RGNG", "it does not fit the countries"));
    }
    let (words, _) = geometry.as_chunks::<2>();
    let (latitudes, words) = words.split_at(count);
    let (longitudes, radii) = words.split_at(count);
    let regions = countries.iter().zip(latitudes).zip(longitudes).zip(radii);
    Ok(regions
        .map(|(((country, latitude), longitude), radius)| Region {
            country: *country,
            latitude_centideg: i16::from_le_bytes(*latitude),
            longitude_centideg: i16::from_le_bytes(*longitude),
            error_radius_km: u16::from_le_bytes(*radius),
        })
        .collect())
}

/// The autonomous systems: their numbers, and where in `names` their organisation is.
#[derive(Debug)]
struct Systems {
    numbers: Vec<u32>,
    names: String,
    spans: Vec<Range<usize>>,
}

impl Systems {
    fn decode(input: &mut Input<'_>) -> Result<Systems, TableError> {
        let packed = input.section("ASNU")?;
        let mut packed = packed.as_slice();
        let mut numbers: Vec<u32> = Vec::new();
        while !packed.is_empty() {
            let before = numbers.last().copied().unwrap_or(0);
            let number = varint(&mut packed)
                .and_then(|difference| u32::try_from(difference).ok())
                .and_then(|difference| before.checked_add(difference))
                .ok_or(damaged("ASNU", "a number is cut short or too large"))?;
            numbers.push(number);
        }

        let names =
            String::from_utf8(input.section("ASNN")?).map_err(|_| damaged("ASNN", "a name is not valid UTF-8"))?;
        let mut spans = Vec::with_capacity(numbers.len());
        let mut start = 0;
        for (end, _) in names.match_indices('\n') {
            spans.push(start..end);
            start = end + 1;
        }
        if spans.len() != numbers.len() {
            return Err(damaged("ASNN", "there are not as many names as numbers"));
        }
        Ok(Systems { numbers, names, spans })
    }
}

/// Ranges of addresses with a value each, as two columns: the ascending starts, the first of which is 0, and values.
#[derive(Debug)]
struct Ranges<A, V> {
    starts: Vec<A>,
    values: Vec<V>,
}

impl<A, V> Ranges<A, V>
where
    A: Copy + Ord + TryFrom<u64>,
    V: Copy + Default + TryFrom<u32>,
{
    /// Decode three sections; no value may be above `value_max`.
    fn decode(input: &mut Input<'_>, tags: [&'static str; 3], value_max: usize) -> Result<Self, TableError> {
        let [codes_tag, rest_tag, values_tag] = tags;
        let starts = starts(&input.section(codes_tag)?, &input.section(rest_tag)?)
            .ok_or(damaged(codes_tag, "a start is cut short or beyond the address space"))?;
        let planes = input.section(values_tag)?;
        if planes.len() % starts.len() != 0 || planes.len() / starts.len() > size_of::<u32>() {
            return Err(damaged(values_tag, "there are not as many values as ranges"));
        }
        let mut wide = vec![0_u32; starts.len()];
        for (index, plane) in planes.chunks_exact(starts.len()).enumerate() {
            for (value, byte) in wide.iter_mut().zip(plane) {
                *value |= u32::from(*byte) << (8 * index);
            }
        }
        let values = wide
            .into_iter()
            .map(|value| if value as usize <= value_max { V::try_from(value).ok() } else { None })
            .collect::<Option<Vec<V>>>()
            .ok_or(damaged(values_tag, "a value points nowhere"))?;
        Ok(Ranges { starts, values })
    }

    /// The value of the range that holds an address, 0 if nothing is known.
    fn value(&self, key: A) -> V {
        let after = self.starts.partition_point(|start| *start <= key);
        after.checked_sub(1).and_then(|index| self.values.get(index)).copied().unwrap_or_default()
    }
}

/// The ascending starts, one more than there are codes; `None` if the columns do not fit each other or the type.
fn starts<A: TryFrom<u64>>(codes: &[u8], mut rest: &[u8]) -> Option<Vec<A>> {
    let mut starts = Vec::with_capacity(codes.len() + 1);
    let mut start = 0_u64;
    starts.push(A::try_from(start).ok()?);
    for code in codes {
        let exponent = u32::from(code & 63);
        let m = if code & 64 == 0 { 0 } else { varint(&mut rest)?.checked_add(1)? };
        let odd = m.checked_mul(2)?.checked_add(1)?;
        if odd.leading_zeros() < exponent {
            return None;
        }
        start = start.checked_add(odd << exponent)?;
        starts.push(A::try_from(start).ok()?);
    }
    rest.is_empty().then_some(starts)
}

/// Take a LEB128 number of at most 63 bits off the front.
fn varint(input: &mut &[u8]) -> Option<u64> {
    let mut number = 0_u64;
    for shift in (0..63).step_by(7) {
        let (byte, rest) = input.split_first()?;
        *input = rest;
        number |= u64::from(byte & 127) << shift;
        if byte & 128 == 0 {
            return Some(number);
        }
    }
    None
}

fn header(input: &mut Input<'_>) -> Result<Vec<String>, TableError> {
    if input.take(MAGIC.len()).ok_or(TableError::Magic)? != MAGIC {
        return Err(TableError::Magic);
    }
    let cut_short = damaged("header", "it is cut short");
    let found = input.u16().ok_or(cut_short.clone())?;
    if found != VERSION {
        return Err(TableError::Version { found, expected: VERSION });
    }
    let count = input.u16().ok_or(cut_short.clone())?;
    let mut sources = Vec::new();
    for _ in 0..count {
        let length = input.u16().ok_or(cut_short.clone())?;
        let text = input.take(usize::from(length)).ok_or(cut_short.clone())?;
        sources.push(String::from_utf8_lossy(text).into_owned());
    }
    Ok(sources)
}

/// The part of the file that is not read yet.
struct Input<'a> {
    rest: &'a [u8],
}

impl<'a> Input<'a> {
    /// Inflate the next section, which must have this tag.
    fn section(&mut self, tag: &'static str) -> Result<Vec<u8>, TableError> {
        let cut_short = damaged(tag, "it is missing or cut short");
        if self.take(tag.len()) != Some(tag.as_bytes()) {
            return Err(cut_short);
        }
        let raw_bytes = self.u32().ok_or(cut_short.clone())? as usize;
        let packed_bytes = self.u32().ok_or(cut_short.clone())? as usize;
        let packed = self.take(packed_bytes).ok_or(cut_short)?;
        // One byte above what is announced is read at most, so a wrong header cannot ask for endless memory.
        let mut raw = Vec::with_capacity(raw_bytes.min(packed_bytes.saturating_mul(1032)) + 1);
        let inflated = ZlibDecoder::new(packed).take(raw_bytes as u64 + 1).read_to_end(&mut raw);
        if inflated.is_err() || raw.len() != raw_bytes {
            return Err(damaged(tag, "it does not inflate to the announced size"));
        }
        Ok(raw)
    }

    fn u16(&mut self) -> Option<u16> {
        Some(u16::from_le_bytes(*self.take(2)?.first_chunk()?))
    }

    fn u32(&mut self) -> Option<u32> {
        Some(u32::from_le_bytes(*self.take(4)?.first_chunk()?))
    }

    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.rest.split_at_checked(count)?;
        self.rest = rest;
        Some(taken)
    }
}

fn damaged(section: &'static str, problem: &'static str) -> TableError {
    TableError::Section { section, problem }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::ZlibEncoder;

    use super::*;

    /// Two regions and two systems; 1.0.0.0/8 and 2001:db9::/32 are in the first, the rest of the space is unknown
    /// but for 1.2.0.0/16 and 2001:db9:1::/48.
    fn tiny_sections() -> Vec<(&'static str, Vec<u8>)> {
        let geometry: Vec<u8> =
            [5237_i16, -3387, 490, 15121, 30, 400].iter().flat_map(|word| word.to_le_bytes()).collect();
        // Starts 0, 1<<24, (1<<24) + (1<<17), + (1<<16), 2<<24: the last distance is 253 << 16, so m = 126.
        let v4 = ([24, 17, 16, 16 + 64].to_vec(), [125].to_vec());
        // 2001:db9::/48 is 0x20010db90000, that is 0x20010db9 << 16, m = 0x100086dc; then /48 steps of 1, 1, 65534.
        let v6 = ([16 + 64, 0, 0, 1 + 64].to_vec(), [leb(0x1000_86dc - 1), leb(16383 - 1)].concat());
        vec![
            ("RGNC", b"NLAU".to_vec()),
            ("RGNG", geometry),
            ("ASNU", [leb(64500), leb(11)].concat()),
            ("ASNN", "Voorbeeld ë\nExample\n".into()),
            ("4RCO", v4.0.clone()),
            ("4RMA", v4.1.clone()),
            ("4RVA", [[0, 1, 2, 1, 0], [0; 5]].concat()),
            ("4ACO", v4.0),
            ("4AMA", v4.1),
            ("4AVA", vec![0, 0, 2, 1, 0]),
            ("6RCO", v6.0.clone()),
            ("6RMA", v6.1.clone()),
            ("6RVA", vec![0, 1, 2, 1, 0]),
            ("6ACO", v6.0),
            ("6AMA", v6.1),
            ("6AVA", vec![0, 1, 2, 1, 0]),
        ]
    }

    fn leb(mut number: u32) -> Vec<u8> {
        let mut bytes = Vec::new();
        while number > 127 {
            bytes.push((number & 127) as u8 | 128);
            number >>= 7;
        }
        bytes.push(number as u8);
        bytes
    }

    fn file(sections: &[(&str, Vec<u8>)]) -> Vec<u8> {
        let mut file = [MAGIC, &1_u16.to_le_bytes(), &1_u16.to_le_bytes(), &4_u16.to_le_bytes(), b"tiny"].concat();
        for (tag, raw) in sections {
            let mut encoder = ZlibEncoder::new(Vec::new(), Compression::best());
            encoder.write_all(raw).expect("writing to memory");
            let packed = encoder.finish().expect("writing to memory");
            file.extend(
                [tag.as_bytes(), &(raw.len() as u32).to_le_bytes(), &(packed.len() as u32).to_le_bytes()].concat(),
            );
            file.extend(packed);
        }
        file
    }

    fn with_section(tag: &str, raw: Vec<u8>) -> Vec<u8> {
        let mut sections = tiny_sections();
        for section in sections.iter_mut().filter(|section| section.0 == tag) {
            section.1 = raw.clone();
        }
        file(&sections)
    }

    #[test]
    fn a_hand_made_table_answers_at_the_edges_of_its_ranges() -> Result<(), TableError> {
        let table = Table::decode(&file(&tiny_sections()))?;
        assert_eq!(table.sources(), ["tiny"]);
        for (address, country, asn) in [
            ("0.255.255.255", None, None),
            ("1.0.0.0", Some("NL"), None),
            ("1.1.255.255", Some("NL"), None),
            ("1.2.0.0", Some("AU"), Some(64511)),
            ("1.2.255.255", Some("AU"), Some(64511)),
            ("1.3.0.0", Some("NL"), Some(64500)),
            ("1.255.255.255", Some("NL"), Some(64500)),
            ("2.0.0.0", None, None),
            ("255.255.255.255", None, None),
            ("2001:db8:ffff:ffff::", None, None),
            ("2001:db9::", Some("NL"), Some(64500)),
            ("2001:db9:1::", Some("AU"), Some(64511)),
            ("2001:db9:1:ffff:ffff:ffff:ffff:ffff", Some("AU"), Some(64511)),
            ("2001:db9:ffff:ffff::", Some("NL"), Some(64500)),
            ("2001:dba::", None, None),
        ] {
            let place = table.lookup(address.parse().expect("valid"));
            assert_eq!((place.country, place.asn), (country, asn), "{address}");
        }
        let place = table.lookup("1.3.0.0".parse().expect("valid"));
        assert_eq!(place.coordinates_deg(), Some((52.37, 4.9)));
        assert_eq!((place.error_radius_km, place.organisation), (Some(30.0), Some("Voorbeeld ë")));
        Ok(())
    }

    #[test]
    fn every_cut_of_a_table_is_an_error() {
        let whole = file(&tiny_sections());
        for length in 0..whole.len() {
            assert!(Table::decode(&whole[..length]).is_err(), "{length} of {} bytes", whole.len());
        }
    }

    #[test]
    fn a_damaged_table_names_the_section() {
        for (tag, raw) in [
            ("RGNG", vec![0; 11]),
            ("ASNU", vec![255; 4]),
            ("ASNN", b"only one\n".to_vec()),
            ("4RVA", vec![0, 1, 3, 1, 0]),
            ("6RVA", vec![0, 1]),
            ("4RCO", vec![24, 17, 16, 63]),
            ("6RCO", vec![63; 5]),
        ] {
            let found = Table::decode(&with_section(tag, raw)).err();
            assert!(matches!(&found, Some(TableError::Section { section, .. }) if *section == tag), "{tag}: {found:?}");
        }
    }

    #[test]
    fn another_magic_or_version_is_told_apart() {
        let mut whole = file(&tiny_sections());
        whole[8] = 9;
        assert_eq!(Table::decode(&whole).err(), Some(TableError::Version { found: 9, expected: 1 }));
        whole[0] = b'X';
        assert_eq!(Table::decode(&whole).err(), Some(TableError::Magic));
    }

    #[test]
    fn trailing_bytes_are_an_error() {
        let mut whole = file(&tiny_sections());
        whole.push(0);
        assert!(Table::decode(&whole).is_err());
    }
}
