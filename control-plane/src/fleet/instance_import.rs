//! Lists of instances from outside: JSON, or CSV with a line of names. All of a list is taken or nothing of it, and every
//! fault is told with its place.

use std::collections::HashSet;

use muster_base::UnixMs;
use serde::Deserialize;
use utoipa::ToSchema;

use super::{
    FleetError,
    instance::{self, ImportedInstances, InstanceRecord},
    instance_layers::canonical,
};
use crate::{
    access::{Caller, ObjectKind, Operation},
    app::App,
    error::{Error, FieldError},
    flaw::Flaw,
};

/// Instances of an org.
pub(super) const MOST: usize = 20_000;
/// Instances in one import.
const MOST_AT_ONCE: usize = 5_000;
/// Faults that are told at once.
const MOST_FAULTS: usize = 50;
/// Characters of a field.
const MOST_CHARS: usize = 128;

/// Instances to be imported: either a list, or a CSV text.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct InstanceImport {
    /// The instances.
    pub instances: Option<Vec<InstanceRecord>>,
    /// A CSV text whose first line names the fields, as they are named in JSON or with underscores. Times are RFC 3339, or
    /// as clouds write them (`2026-12-10T04:04Z`, `2026-12-10 04:04:00`), in UTC.
    pub csv: Option<String>,
}

/// Takes them in.
pub(super) async fn import(
    app: &App,
    caller: &Caller,
    import: InstanceImport,
) -> Result<ImportedInstances, FleetError> {
    caller.require_all(Operation::HostWrite, ObjectKind::Hosts)?;
    let mut faults = Vec::new();
    let (records, places): (Vec<_>, Vec<_>) = match (import.instances, import.csv) {
        (Some(instances), None) => {
            let place = |at| format!("instances[{at}].");
            instances
                .into_iter()
                .enumerate()
                .map(|(at, one)| (one, place(at)))
                .unzip()
        }
        (None, Some(csv)) => read_csv(&csv, &mut faults)?.into_iter().unzip(),
        _ => return Err(FleetError::invalid("instances", "give either instances or csv")),
    };
    if records.len() > MOST_AT_ONCE {
        return Err(FleetError::invalid("instances", Flaw::TooMany(MOST_AT_ONCE)));
    }
    let mut seen = HashSet::new();
    for (record, place) in records.iter().zip(&places) {
        check(record, place, &mut faults);
        if !seen.insert((canonical(&record.provider), &record.instance_id)) {
            faults.push(FieldError::new(format!("{place}instanceId"), Flaw::Twice));
        }
    }
    if !faults.is_empty() {
        faults.truncate(MOST_FAULTS);
        return Err(Error::Invalid(faults).into());
    }
    instance::keep(app, caller, records).await
}

fn check(record: &InstanceRecord, place: &str, faults: &mut Vec<FieldError>) {
    let texts = [
        ("provider", &record.provider),
        ("instanceId", &record.instance_id),
        ("instanceName", &record.instance_name),
        ("regionId", &record.region_id),
        ("regionName", &record.region_name),
        ("zoneId", &record.zone_id),
        ("instanceType", &record.instance_type),
        ("hostname", &record.hostname),
        ("imageId", &record.image_id),
        ("osName", &record.os_name),
        ("osType", &record.os_type),
        ("status", &record.status),
        ("chargeType", &record.charge_type),
    ];
    for (at, (field, text)) in texts.into_iter().enumerate() {
        let length = text.chars().count();
        if at < 2 && text.trim().is_empty() {
            faults.push(FieldError::new(format!("{place}{field}"), Flaw::Needed));
        } else if length > MOST_CHARS || text.chars().any(char::is_control) {
            faults.push(FieldError::new(
                format!("{place}{field}"),
                Flaw::TooLong(MOST_CHARS),
            ));
        }
    }
    for (field, text) in [("innerIp", &record.inner_ip), ("publicIp", &record.public_ip)] {
        if !text.is_empty() && text.parse::<std::net::IpAddr>().is_err() {
            faults.push(FieldError::new(format!("{place}{field}"), Flaw::Ip));
        }
    }
}

/// The rows, each with its place; faults of single fields are put with the others.
fn read_csv(text: &str, faults: &mut Vec<FieldError>) -> Result<Vec<(InstanceRecord, String)>, FleetError> {
    let unreadable = |error: &csv::Error| {
        let line = error.position().map_or(1, csv::Position::line);
        let flaw = match error.kind() {
            csv::ErrorKind::UnequalLengths {
                len, expected_len, ..
            } => Flaw::CsvValues(line, *len, *expected_len),
            _ => Flaw::CsvLine(line, error.to_string()),
        };
        FleetError::invalid("csv", flaw)
    };
    // The reader takes what was cut off for whole.
    if text.matches('"').count() % 2 == 1 {
        return Err(FleetError::invalid("csv", Flaw::CsvCut));
    }
    let mut reader = csv::ReaderBuilder::new()
        .trim(csv::Trim::All)
        .from_reader(text.trim_start_matches('\u{feff}').as_bytes());
    let header: Vec<String> = reader
        .headers()
        .map_err(|error| unreadable(&error))?
        .iter()
        .map(|name| {
            name.chars()
                .filter(|c| *c != '_')
                .collect::<String>()
                .to_lowercase()
        })
        .collect();
    for needed in ["provider", "instanceid"] {
        if !header.iter().any(|name| name == needed) {
            return Err(FleetError::invalid("csv", Flaw::CsvLacks(needed)));
        }
    }
    if let Some(strange) = header.iter().find(|name| !FIELDS.contains(&name.as_str())) {
        let flaw = Flaw::CsvStrange(strange.clone(), FIELDS.join(", "));
        return Err(FleetError::invalid("csv", flaw));
    }
    let mut rows = Vec::new();
    for row in reader.records() {
        let row = row.map_err(|error| unreadable(&error))?;
        let place = format!("line {}: ", row.position().map_or(0, csv::Position::line));
        let mut record = InstanceRecord::default();
        for (name, value) in header.iter().zip(&row) {
            if let Err(flaw) = set(&mut record, name, value) {
                faults.push(FieldError::new(format!("{place}{name}"), flaw));
            }
        }
        rows.push((record, place));
        if rows.len() > MOST_AT_ONCE {
            return Err(FleetError::invalid("csv", Flaw::TooMany(MOST_AT_ONCE)));
        }
    }
    Ok(rows)
}

/// The names of the fields, in lower case.
const FIELDS: &[&str] = &[
    "provider",
    "instanceid",
    "instancename",
    "regionid",
    "regionname",
    "zoneid",
    "instancetype",
    "hostname",
    "innerip",
    "publicip",
    "imageid",
    "cpu",
    "memory",
    "osname",
    "ostype",
    "status",
    "isavailable",
    "chargetype",
    "createtime",
    "expiredtime",
];

fn set(record: &mut InstanceRecord, name: &str, value: &str) -> Result<(), Flaw> {
    let text = match name {
        "provider" => &mut record.provider,
        "instanceid" => &mut record.instance_id,
        "instancename" => &mut record.instance_name,
        "regionid" => &mut record.region_id,
        "regionname" => &mut record.region_name,
        "zoneid" => &mut record.zone_id,
        "instancetype" => &mut record.instance_type,
        "hostname" => &mut record.hostname,
        "innerip" => &mut record.inner_ip,
        "publicip" => &mut record.public_ip,
        "imageid" => &mut record.image_id,
        "osname" => &mut record.os_name,
        "ostype" => &mut record.os_type,
        "status" => &mut record.status,
        "chargetype" => &mut record.charge_type,
        _ => return set_value(record, name, value),
    };
    value.clone_into(text);
    Ok(())
}

fn set_value(record: &mut InstanceRecord, name: &str, value: &str) -> Result<(), Flaw> {
    if value.is_empty() {
        return Ok(());
    }
    let number = || {
        value
            .parse::<u32>()
            .map_err(|_| Flaw::Range(0, i64::from(u32::MAX)))
    };
    match name {
        "cpu" => record.cpu = Some(number()?),
        "memory" => record.memory = Some(number()?),
        "isavailable" => {
            record.is_available = Some(match value.to_ascii_lowercase().as_str() {
                "true" | "1" | "yes" => true,
                "false" | "0" | "no" => false,
                _ => return Err(Flaw::TrueOrFalse),
            });
        }
        "createtime" => record.create_time = Some(time(value)?),
        _ => record.expired_time = Some(time(value)?),
    }
    Ok(())
}

/// A time as people and clouds write it.
fn time(text: &str) -> Result<UnixMs, Flaw> {
    let spaced = text.replacen(' ', "T", 1);
    let bare = spaced.trim_end_matches('Z');
    let tries = [
        spaced.clone(),
        format!("{bare}Z"),
        // Without seconds, or only a day.
        format!("{bare}:00Z"),
        format!("{bare}T00:00:00Z"),
    ];
    tries.iter().find_map(|text| text.parse().ok()).ok_or(Flaw::Time)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_as_clouds_write_them() {
        let exact: UnixMs = "2026-12-10T04:04:00Z".parse().unwrap();
        for text in [
            "2026-12-10T04:04Z",
            "2026-12-10 04:04:00",
            "2026-12-10T12:04:00+08:00",
        ] {
            assert_eq!(time(text).unwrap(), exact, "{text}");
        }
        assert_eq!(
            time("2026-12-10").unwrap(),
            "2026-12-10T00:00:00Z".parse().unwrap()
        );
        assert!(time("tomorrow").is_err() && time("").is_err());
    }

    #[test]
    fn names_of_columns_may_have_underscores() {
        let mut faults = Vec::new();
        let text = "\u{feff}provider,instance_id,cpu,Is_Available\naliyun, i-1 ,4,1\n\"a,b\",i-2,,false\n";
        let rows = read_csv(text, &mut faults).unwrap();
        assert!(faults.is_empty());
        assert_eq!((rows[0].0.instance_id.as_str(), rows[0].0.cpu), ("i-1", Some(4)));
        assert_eq!(
            (rows[1].0.provider.as_str(), rows[1].0.is_available),
            ("a,b", Some(false))
        );
        assert_eq!(rows[1].1, "line 3: ");
        assert!(read_csv("provider\nx", &mut faults).is_err(), "no instanceId");
        assert!(read_csv("provider,instanceId,colour\nx,y,z", &mut faults).is_err());
        let short = read_csv("provider,instanceId\nx,1\nx\n", &mut faults).unwrap_err();
        let FleetError::Invalid { field, message } = short else {
            panic!("{short}")
        };
        assert_eq!((field, message), ("csv", Flaw::CsvValues(3, 1, 2)));
    }
}
