//! Regions by a MaxMind file. The file is written here, in the public format (MaxMind DB File Format Specification
//! 2.0): a tree of bits, the data, the metadata.

use std::{fs, net::IpAddr};

use serde_json::json;

use crate::testing::{Client, Test, both_databases};

const PASSWORD: &str = "a password for tests";
/// No node there.
const EMPTY: u32 = u32::MAX;

/// A file that is being made.
#[derive(Default)]
pub(crate) struct Database {
    /// Left and right: a node, [`EMPTY`], or the data at `DATA + offset`.
    nodes: Vec<[u32; 2]>,
    data: Vec<u8>,
}

const DATA: u32 = 1 << 31;

impl Database {
    /// What lies in the first `bits` bits of this address is from there.
    pub(crate) fn put(&mut self, address: &str, bits: usize, country: &str, part: Option<&str>) {
        let (path, bits) = match address.parse().unwrap() {
            // IPv4 is the part of the tree below 96 zeros.
            IpAddr::V4(ip) => (u128::from(u32::from(ip)), bits + 96),
            IpAddr::V6(ip) => (u128::from(ip), bits),
        };
        let offset = u32::try_from(self.data.len()).unwrap();
        let mut place = vec![("country", map(&[("iso_code", text(country))]))];
        if let Some(part) = part {
            place.push(("subdivisions", list(&[map(&[("iso_code", text(part))])])));
        }
        self.data.extend(map(&place));
        if self.nodes.is_empty() {
            self.nodes.push([EMPTY; 2]);
        }
        let mut node = 0;
        for depth in 0..bits {
            let side = usize::from((path >> (127 - depth)) & 1 == 1);
            let next = self.nodes[node][side];
            if depth == bits - 1 {
                self.nodes[node][side] = DATA + offset;
            } else if next == EMPTY {
                self.nodes[node][side] = u32::try_from(self.nodes.len()).unwrap();
                node = self.nodes.len();
                self.nodes.push([EMPTY; 2]);
            } else {
                node = next as usize;
            }
        }
    }

    pub(crate) fn bytes(&self) -> Vec<u8> {
        let count = u32::try_from(self.nodes.len()).unwrap();
        let mut file = Vec::new();
        for side in self.nodes.iter().flatten() {
            let record = match *side {
                EMPTY => count,
                data if data >= DATA => count + 16 + (data - DATA),
                node => node,
            };
            file.extend_from_slice(&record.to_be_bytes()[1..]);
        }
        file.extend_from_slice(&[0; 16]);
        file.extend_from_slice(&self.data);
        file.extend_from_slice(b"\xab\xcd\xefMaxMind.com");
        file.extend(map(&[
            ("node_count", number(6, count)),
            ("record_size", number(5, 24)),
            ("ip_version", number(5, 6)),
            ("database_type", text("GeoLite2-City")),
            ("languages", list(&[text("en")])),
            ("binary_format_major_version", number(5, 2)),
            ("binary_format_minor_version", number(5, 0)),
            ("build_epoch", number(9, 1_780_000_000)),
            ("description", map(&[("en", text("made by a test"))])),
        ]));
        file
    }
}

/// A control byte, and for types above 7 the byte that extends it.
fn control(kind: u8, size: usize) -> Vec<u8> {
    let size = u8::try_from(size).unwrap();
    assert!(size < 29, "longer sizes have another form");
    if kind > 7 {
        vec![size, kind - 7]
    } else {
        vec![kind << 5 | size]
    }
}

fn text(text: &str) -> Vec<u8> {
    [control(2, text.len()), text.as_bytes().to_vec()].concat()
}

fn number(kind: u8, value: u32) -> Vec<u8> {
    let size = if kind == 5 { 2 } else { 4 };
    [control(kind, size), value.to_be_bytes()[4 - size..].to_vec()].concat()
}

fn map(entries: &[(&str, Vec<u8>)]) -> Vec<u8> {
    let pairs = entries
        .iter()
        .flat_map(|(key, value)| [text(key), value.clone()].concat());
    [control(7, entries.len()), pairs.collect()].concat()
}

fn list(items: &[Vec<u8>]) -> Vec<u8> {
    [control(11, items.len()), items.concat()].concat()
}

async fn region_of(test: &Test, ip: &str) -> String {
    let from = Client::at(test.nobody(), ip.parse().unwrap());
    let body = json!({"login": "rita", "password": PASSWORD});
    let (status, signed_in) = from.post("/api/v1/auth/login", body).await;
    assert_eq!(status, 200, "{signed_in}");
    let (_, users) = test.admin().await.get("/api/v1/users?search=rita").await;
    users["items"][0]["lastLoginRegion"].as_str().unwrap().to_owned()
}

both_databases!(a_region_is_told_by_the_file_or_else_by_the_network, |test| {
    test.user("rita").await;
    assert_eq!(
        region_of(test, "89.160.20.112").await,
        "89.160.0.0/16",
        "there is no file"
    );

    let mut places = Database::default();
    places.put("89.160.20.0", 24, "SE", Some("E"));
    places.put("2001:218::", 32, "JP", None);
    let file = test.data().join("regions.mmdb");
    fs::write(&file, places.bytes()).unwrap();
    assert_eq!(region_of(test, "89.160.20.112").await, "SE-E");
    assert_eq!(region_of(test, "::ffff:89.160.20.1").await, "SE-E");
    assert_eq!(region_of(test, "2001:218:1::5").await, "JP");
    assert_eq!(
        region_of(test, "89.160.21.1").await,
        "89.160.0.0/16",
        "the file does not know it"
    );
    let (_, found) = test.admin().await.get("/api/v1/users?region=SE-E").await;
    assert_eq!(found["items"], json!([]), "the last one counts");

    places.put("89.160.21.0", 24, "NO", None);
    fs::write(&file, places.bytes()).unwrap();
    assert_eq!(region_of(test, "89.160.21.1").await, "NO", "a newer file is read");
    fs::write(&file, "no such file").unwrap();
    assert_eq!(
        region_of(test, "89.160.20.1").await,
        "89.160.0.0/16",
        "a broken one keeps nobody out"
    );
});
