//! Amazon EC2: the instance identity document, and a few leaves beside it.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use muster_protocol::latest::{CloudFacts, CloudProvider};
use serde_json::Value;

use super::{
    MOST_TAGS, address,
    http::{AskError, Service},
    nothing_of, tags, word,
};

pub(super) const ADDRESS: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::new(169, 254, 169, 254)), 80);
pub(super) const HOST: &str = "169.254.169.254";

pub(super) async fn ask(service: &Service) -> Result<CloudFacts, AskError> {
    let lifetime = ("X-aws-ec2-metadata-token-ttl-seconds", "60");
    let token = service.token("/latest/api/token", lifetime).await?;
    let with = [("X-aws-ec2-metadata-token", token.as_str())];
    let document = service
        .get("/latest/dynamic/instance-identity/document", &with)
        .await?;
    let document: Value = serde_json::from_str(&document.body).map_err(|_| AskError::NotUnderstood)?;
    let said = |name: &str| document.get(name).and_then(Value::as_str).unwrap_or_default();
    let leaf = async |name: &str| service.find(&format!("/latest/meta-data/{name}"), &with).await;
    let mut found = Vec::new();
    // Only there where the owner lets instances see their tags.
    for key in leaf("tags/instance").await?.lines().take(MOST_TAGS) {
        // Keys of such tags have no character that a path could not have.
        if key
            .bytes()
            .all(|byte| byte.is_ascii_graphic() && !b"?#%".contains(&byte))
        {
            let value = leaf(&format!("tags/instance/{key}")).await?;
            found.push((key.to_owned(), value));
        }
    }
    let name = found.iter().find(|(key, _)| key == "Name");
    Ok(CloudFacts {
        instance_id: word(said("instanceId")),
        instance_name: name.map(|(_, value)| word(value)).unwrap_or_default(),
        hostname: word(&leaf("local-hostname").await?),
        region_id: word(said("region")),
        zone_id: word(said("availabilityZone")),
        instance_type: word(said("instanceType")),
        image_id: word(said("imageId")),
        inner_ip: address(said("privateIp")),
        public_ip: address(&leaf("public-ipv4").await?),
        charge_type: word(&leaf("instance-life-cycle").await?),
        tags: tags(found),
        ..nothing_of(CloudProvider::Aws)
    })
}
