//! Microsoft Azure: one document. This version of it is the first with `priority`, and the last without `userData`.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use muster_protocol::latest::{CloudFacts, CloudProvider};
use serde_json::Value;

use super::{
    address,
    http::{AskError, Service},
    last_part, nothing_of, tags, word,
};

pub(super) const ADDRESS: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::new(169, 254, 169, 254)), 80);
pub(super) const HOST: &str = "169.254.169.254";
const PATH: &str = "/metadata/instance?api-version=2020-09-01";

pub(super) async fn ask(service: &Service) -> Result<CloudFacts, AskError> {
    let answer = service.get(PATH, &[("Metadata", "true")]).await?;
    let document: Value = serde_json::from_str(&answer.body).map_err(|_| AskError::NotUnderstood)?;
    let said = |pointer: &str| {
        document
            .pointer(pointer)
            .and_then(Value::as_str)
            .unwrap_or_default()
    };
    let (location, zone) = (said("/compute/location"), said("/compute/zone"));
    let charge_type = match said("/compute/priority") {
        "Spot" | "Low" => "spot",
        "Regular" => "on-demand",
        _ => "",
    };
    let found = document.pointer("/compute/tagsList").and_then(Value::as_array);
    let text = |tag: &Value, name: &str| {
        tag.get(name)
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned()
    };
    let first = "/network/interface/0/ipv4/ipAddress/0";
    Ok(CloudFacts {
        instance_id: word(said("/compute/vmId")),
        instance_name: word(said("/compute/name")),
        region_id: word(location),
        zone_id: if zone.is_empty() {
            String::new()
        } else {
            word(&format!("{location}-{zone}"))
        },
        instance_type: word(said("/compute/vmSize")),
        image_id: image(&said),
        inner_ip: address(said(&format!("{first}/privateIpAddress"))),
        public_ip: address(said(&format!("{first}/publicIpAddress"))),
        charge_type: charge_type.to_owned(),
        tags: tags(
            found
                .into_iter()
                .flatten()
                .map(|tag| (text(tag, "name"), text(tag, "value"))),
        ),
        ..nothing_of(CloudProvider::Azure)
    })
}

/// The image's name, which is the last part of its path; one of the market has no path, but four parts.
fn image<'a>(said: &impl Fn(&str) -> &'a str) -> String {
    let at = |part: &str| said(&format!("/compute/storageProfile/imageReference/{part}"));
    if !at("id").is_empty() {
        return last_part(at("id"));
    }
    let parts = ["publisher", "offer", "sku", "version"].map(at);
    let known: Vec<_> = parts.into_iter().filter(|part| !part.is_empty()).collect();
    word(&known.join(":"))
}
