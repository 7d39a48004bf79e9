//! Where an address is from: by a MaxMind file if one is configured (`[sign_in] region_file`), as `CN-SH` or `CN`; else,
//! and for what the file does not know, by its network, `203.0.0.0/16` or `2001:db8:1::/48`.
//!
//! The file is read into memory at the first sign-in and again when it has changed, so that an operator puts a newer
//! one in its place by renaming. One that can't be read is logged once, and networks stand in for it: nobody is kept
//! from signing in.

use std::{
    fs, io,
    net::IpAddr,
    path::Path,
    sync::{Arc, Mutex, PoisonError},
    time::SystemTime,
};

use maxminddb::{Reader, geoip2};

use crate::app::App;

/// Cities of the whole world are some 70 MiB.
const LARGEST_BYTES: u64 = 512 << 20;

/// The file as it was last read.
#[derive(Debug, Default)]
pub struct Regions(Mutex<Option<Read>>);

#[derive(Debug, Clone)]
struct Read {
    /// When the file was changed and how long it is; none: it can't be looked at.
    stamp: Option<(SystemTime, u64)>,
    reader: Option<Arc<Reader<Vec<u8>>>>,
}

/// Where the address is from.
pub(super) async fn of(app: &App, ip: IpAddr) -> String {
    let ip = ip.to_canonical();
    let Some(path) = app.config.sign_in.region_file.clone() else {
        return network(ip);
    };
    let reading = app.clone();
    let found = tokio::task::spawn_blocking(move || app_region(&reading, &path, ip)).await;
    found.ok().flatten().unwrap_or_else(|| network(ip))
}

fn app_region(app: &App, path: &Path, ip: IpAddr) -> Option<String> {
    region(app.regions.reader(path)?.as_ref(), ip)
}

fn region(reader: &Reader<Vec<u8>>, ip: IpAddr) -> Option<String> {
    // Cities and countries have the country in the same place; only cities have what is below it.
    let place: geoip2::City<'_> = reader.lookup(ip).ok()?.decode().ok()??;
    let country = place.country.iso_code.or(place.registered_country.iso_code)?;
    Some(match place.subdivisions.first().and_then(|part| part.iso_code) {
        Some(part) => format!("{country}-{part}"),
        None => country.to_owned(),
    })
}

impl Regions {
    /// The file's reader, read anew if it has changed.
    fn reader(&self, path: &Path) -> Option<Arc<Reader<Vec<u8>>>> {
        let stamp = fs::metadata(path)
            .and_then(|meta| Ok((meta.modified()?, meta.len())))
            .ok();
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = known.as_ref().filter(|known| known.stamp == stamp) {
            return known.reader.clone();
        }
        let reader = match read(path) {
            Ok(reader) => Some(Arc::new(reader)),
            Err(error) => {
                tracing::warn!(
                    file = %path.display(),
                    error = &error as &dyn std::error::Error,
                    "the region file can't be used: regions are told by networks"
                );
                None
            }
        };
        *known = Some(Read {
            stamp,
            reader: reader.clone(),
        });
        reader
    }
}

fn read(path: &Path) -> io::Result<Reader<Vec<u8>>> {
    if fs::metadata(path)?.len() > LARGEST_BYTES {
        return Err(io::Error::other("it is larger than 512 MiB"));
    }
    Reader::from_source(fs::read(path)?).map_err(io::Error::other)
}

/// The address's /16, or /48.
fn network(ip: IpAddr) -> String {
    match ip {
        IpAddr::V4(ip) => {
            let [a, b, ..] = ip.octets();
            format!("{a}.{b}.0.0/16")
        }
        IpAddr::V6(ip) => {
            let [a, b, c, ..] = ip.segments();
            format!("{a:x}:{b:x}:{c:x}::/48")
        }
    }
}
