//! Writes tiny MaxMind DB files for tests (format: the MaxMind DB File Format Specification 2.0).

use std::net::IpAddr;

/// A value of a record.
#[derive(Clone)]
pub(super) enum Value {
    Text(&'static str),
    Double(f64),
    Unsigned(u32),
    List(Vec<Value>),
    Map(Vec<(&'static str, Value)>),
}

impl Value {
    pub(super) fn map<const N: usize>(entries: [(&'static str, Value); N]) -> Value {
        Value::Map(entries.to_vec())
    }
}

impl From<&'static str> for Value {
    fn from(text: &'static str) -> Self {
        Value::Text(text)
    }
}

/// A database with one record per network. Built 2024-02-29 00:00 UTC.
pub(super) struct TinyMmdb {
    database_type: &'static str,
    ip_version: u16,
    /// Each node has a branch for bit 0 and one for bit 1.
    nodes: Vec<[Branch; 2]>,
    data: Vec<u8>,
}

#[derive(Clone, Copy)]
enum Branch {
    Empty,
    Node(u32),
    Data(u32),
}

const BUILD_EPOCH: u64 = 1_709_164_800;

impl TinyMmdb {
    /// An empty database for IPv4 (4), or for IPv6 with IPv4 under `::/96` (6).
    pub(super) fn new(database_type: &'static str, ip_version: u16) -> Self {
        TinyMmdb { database_type, ip_version, nodes: vec![[Branch::Empty; 2]], data: Vec::new() }
    }

    /// Adds a network such as `1.0.0.0/8`, which must not be inside another.
    pub(super) fn with(mut self, network: &str, record: Value) -> Self {
        let (address, prefix) = network.split_once('/').expect("tests give address/prefix");
        let prefix: u32 = prefix.parse().expect("tests give a number");
        let (bits, depth) = match address.parse().expect("tests give valid addresses") {
            IpAddr::V4(ip) if self.ip_version == 4 => (u128::from(ip.to_bits()) << 96, prefix),
            IpAddr::V4(ip) => (u128::from(ip.to_bits()), prefix + 96),
            IpAddr::V6(ip) => (ip.to_bits(), prefix),
        };
        let offset = self.data.len() as u32;
        self.data.extend(encoded(&record));
        let mut node = 0;
        for level in 0..depth {
            let bit = (bits >> (127 - level) & 1) as usize;
            if level + 1 == depth {
                self.nodes[node][bit] = Branch::Data(offset);
            } else if let Branch::Node(next) = self.nodes[node][bit] {
                node = next as usize;
            } else {
                self.nodes.push([Branch::Empty; 2]);
                let next = self.nodes.len() - 1;
                self.nodes[node][bit] = Branch::Node(next as u32);
                node = next;
            }
        }
        self
    }

    /// The bytes of the file.
    pub(super) fn bytes(&self) -> Vec<u8> {
        let count = self.nodes.len() as u32;
        let mut file = Vec::new();
        for branch in self.nodes.iter().flatten() {
            let pointer = match branch {
                Branch::Empty => count,
                Branch::Node(node) => *node,
                Branch::Data(offset) => count + 16 + offset,
            };
            file.extend(&pointer.to_be_bytes()[1..]);
        }
        file.extend([0; 16]);
        file.extend(&self.data);
        file.extend(b"\xab\xcd\xefMaxMind.com");
        file.extend([0xe0 | 9]); // a map of nine
        for (key, value) in [
            ("binary_format_major_version", short(2)),
            ("binary_format_minor_version", short(0)),
            ("build_epoch", [&[8, 2], &BUILD_EPOCH.to_be_bytes()[..]].concat()),
            ("database_type", encoded(&Value::Text(self.database_type))),
            ("description", encoded(&Value::map([]))),
            ("ip_version", short(self.ip_version)),
            ("languages", encoded(&Value::List(Vec::new()))),
            ("node_count", encoded(&Value::Unsigned(count))),
            ("record_size", short(24)),
        ] {
            file.extend(encoded(&Value::Text(key)));
            file.extend(value);
        }
        file
    }
}

fn short(number: u16) -> Vec<u8> {
    [&[5 << 5 | 2], &number.to_be_bytes()[..]].concat()
}

fn encoded(value: &Value) -> Vec<u8> {
    match value {
        Value::Text(text) if text.len() < 29 => [&[2 << 5 | text.len() as u8], text.as_bytes()].concat(),
        Value::Text(text) => [&[2 << 5 | 29, (text.len() - 29) as u8], text.as_bytes()].concat(),
        Value::Double(number) => [&[3 << 5 | 8], &number.to_be_bytes()[..]].concat(),
        Value::Unsigned(number) => [&[6 << 5 | 4], &number.to_be_bytes()[..]].concat(),
        Value::List(items) => [vec![items.len() as u8, 4], items.iter().flat_map(encoded).collect()].concat(),
        Value::Map(entries) => {
            let pairs = entries.iter().flat_map(|(key, value)| [encoded(&Value::Text(key)), encoded(value)].concat());
            [vec![7 << 5 | entries.len() as u8], pairs.collect()].concat()
        }
    }
}
